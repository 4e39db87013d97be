using OrleansMq;
using OrleansMq.Samples.Chats;

// Three members write to each other and into a room. One goes away in the middle and comes back; a guest looks on for a while. Exit codes: 0 every screen shows what it ought to, 1 one does not.
const int Half = 20;
const int All = 2 * Half;
var folder = Directory.CreateTempSubdirectory("chat-").FullName;
try
{
    await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Data = folder });
    await broker.PutTopic(Member.Room, new()); // one partition: one order for all
    Member ada = new(broker, "ada"), bob = new(broker, "bob"), cleo = new(broker, "cleo");
    Member[] members = [ada, bob, cleo];
    foreach (var member in members)
        await member.Register();
    foreach (var member in members)
        member.Come();
    await Talk(members, from: 0, to: Half);

    // Cleo goes. A guest comes, and sees what is said while they are there; nothing is kept for guests, and their group goes with them.
    await cleo.Go();
    var (seenByCleo, lettersOfCleo) = (cleo.InRoom.Count, cleo.Letters.Count);
    var cameAt = await broker.FindOffset(Member.Room, 0, StartAt.Latest);
    var guest = new Guest();
    await guest.Come(broker);
    await Talk([ada, bob], from: Half, to: All);
    var guestSaw = await guest.Saw(2 * Half);
    await guest.Go();
    var groups = (await broker.ListGroups(Member.Room)).Items;

    // She comes back, and goes on where she was.
    cleo.Come();
    var room = await broker.ReadAll(Member.Room);
    var patience = TimeProvider.System.GetTimestamp();
    while (members.Any(member => member.InRoom.Count < room.Count || member.Letters.Count < LettersTo(member).Count()) && TimeProvider.System.GetElapsedTime(patience) < TimeSpan.FromSeconds(60))
        await Task.Delay(20); // screens fill by themselves; this only looks
    foreach (var member in members)
        await member.Go();

    Console.WriteLine($"cleo had {seenByCleo} lines of the room and {lettersOfCleo} letters when she went, and {cleo.InRoom.Count} and {cleo.Letters.Count} when she had caught up");
    Console.WriteLine($"{members.Sum(member => member.ShownTwice)} lines and letters were shown twice");
    Console.WriteLine($"a guest saw {guestSaw.Count} of {room.Count} lines; {members.Sum(member => member.Failures)} letters failed at first and came again");
    var balances = members.Select(member => Kept($"{member.Name}: the room as it was said, each line once", member.InRoom.SequenceEqual(room.Select(Line.Of)))).ToList();
    foreach (var (to, from) in members.SelectMany(to => members.Where(from => from != to), (to, from) => (to, from)))
        balances.Add(Kept($"{to.Name}: what {from.Name} wrote, in order, each letter once", to.Letters.Where(line => line.From == from.Name).SequenceEqual(LettersTo(to).Where(line => line.From == from.Name))));
    balances.Add(Kept("the guest: what was said meanwhile", guestSaw.SequenceEqual(room.Skip((int)cameAt).Select(Line.Of))));
    balances.Add(Kept("the guest left no group behind", groups.Select(group => group.Text).SequenceEqual(members.Select(member => member.Name))));
    balances.Add(Kept("nothing was shown twice", members.All(member => member.ShownTwice == 0)));
    balances.Add(Kept("some letters did fail", members.All(member => member.Failures > 0)));
    Console.WriteLine(balances.All(kept => kept) ? "the screens balance" : "THE SCREENS DO NOT BALANCE");
    return balances.All(kept => kept) ? 0 : 1;

    IEnumerable<Line> LettersTo(Member to) => members.Where(from => from != to).SelectMany(from => Enumerable.Range(0, from == cleo ? Half : All).Select(number => new Line(from.Name, number)));
}
finally
{
    Directory.Delete(folder, recursive: true);
}

// All at once, each in their own order.
static Task Talk(IReadOnlyList<Member> present, int from, int to) => Task.WhenAll(present.Select(async member =>
{
    for (var number = from; number < to; number++)
    {
        await member.Say(number);
        foreach (var name in (string[])["ada", "bob", "cleo"])
            if (name != member.Name)
                await member.Write(name, number);
    }
}));

static bool Kept(string promise, bool kept)
{
    Console.WriteLine($"  {(kept ? "kept  " : "BROKEN")}  {promise}");
    return kept;
}
