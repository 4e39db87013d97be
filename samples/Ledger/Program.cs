using System.Diagnostics;
using System.Globalization;
using Npgsql;
using OrleansMq;
using OrleansMq.Samples;
using OrleansMq.Samples.Ledgers;
using OrleansMq.Servers;

// Payments through outbox, broker, inbox and ledger, with every process killed on the way and the broker's data wiped; the accounts are right to the cent.
// Exit codes: 0 it is right, 1 it is not, 2 wrong usage, 3 the sample could not begin.
if (args is ["pay" or "book", var connectionString, var address, var number])
{
    // One of the two processes that Main starts and kills.
    await using var database = NpgsqlDataSource.Create(connectionString);
    await using var http = HttpBroker.Connect(new Uri(address));
    Console.WriteLine("ready");
    if (args[0] == "pay")
        await Bank.Pay(database, http, int.Parse(number, CultureInfo.InvariantCulture));
    else
        await Bank.Book(database, http, known => Console.WriteLine($"again {known}"), CancellationToken.None);
    return 0;
}

var count = 100_000;
if (args.Length > 0 && (args is not ["--payments", var given] || !int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out count) || count is < 1_000 or > 9_999_999))
{
    Console.Error.WriteLine("usage: dotnet run --project samples/Ledger -c Release [-- --payments N]     N: 1,000 to 9,999,999; 100,000 unless given");
    return 2;
}

var folder = Directory.CreateTempSubdirectory("ledger-").FullName;
try
{
    await using var postgres = await PostgresProcess.Start(flushes: true);
    await using var database = NpgsqlDataSource.Create(postgres.ConnectionString);
    await new MqTables().EnsureCreated(database);
    await using (var tables = database.CreateCommand(Bank.Tables))
        await tables.ExecuteNonQueryAsync();
    await using var orleansmq = new BrokerProcess(Path.Combine(folder, "data"));
    await orleansmq.Start(default);
    await using var broker = HttpBroker.Connect(orleansmq.Address);
    await MakeTopic(broker);
    await using var connection = await database.OpenConnectionAsync();

    var (again, watch) = (0L, Stopwatch.StartNew());
    await using var payer = Child("pay", _ => { });
    await using var booker = Child("book", line => again += line.StartsWith("again ", StringComparison.Ordinal) ? int.Parse(line.AsSpan(6), CultureInfo.InvariantCulture) : 0);
    await Start(payer, "pay");
    await Start(booker, "book");

    // Each of them dies by SIGKILL at some point of the way, and then the broker loses everything that it has.
    await Reached(15);
    await Crash("who pays, killed", payer.Kill, () => Start(payer, "pay"));
    await Reached(30);
    await Crash("the broker, killed", orleansmq.Kill, () => orleansmq.Start(default));
    await Reached(45);
    await Crash("who books, killed", booker.Kill, () => Start(booker, "book"));
    await Reached(60);
    await Crash("the broker's data, wiped", orleansmq.Kill, async () =>
    {
        Directory.Delete(Path.Combine(folder, "data"), recursive: true);
        await orleansmq.Start(default);
        await MakeTopic(broker);
        var rebuilt = await new Ledger(database).Rebuild(broker, Bank.Topic);
        Console.WriteLine($"        rebuilt from the ledger: {rebuilt.Sent:N0} messages");
    });

    // What slipped through between two of these is unreconciled, and is sent again.
    var sentAgain = 0L;
    await using (new LedgerReconciler(new Ledger(database), broker, new() { Age = TimeSpan.FromSeconds(30), LookEvery = TimeSpan.FromSeconds(5), OnSentAgain = _ => Interlocked.Increment(ref sentAgain) }))
    {
        if (await payer.Exit(default) != 0)
            throw new SetUpException($"Who pays has ended with an error; see {payer.LogFile}.");
        while (await Bank.Ask<bool>(connection, "select exists (select 1 from mq_ledger where settled_ms is null)"))
            await Task.Delay(200);
    }

    var took = watch.Elapsed;
    var ought = Enumerable.Range(0, count).GroupBy(id => Bank.Payment(id).Account).ToDictionary(ofAccount => ofAccount.Key, ofAccount => ofAccount.Sum(id => Bank.Payment(id).Cents));
    var wrong = 0;
    foreach (var (account, cents) in ought)
        wrong += await Bank.Ask<long>(connection, $"select cents from account where id = {account}") == cents ? 0 : 1;
    var booked = (long)await Bank.Ask<decimal>(connection, "select sum(cents) from account");
    var taken = await Bank.Ask<long>(connection, "select count(*) from mq_inbox");
    Console.WriteLine($"""
        payments                {count:N0} in {took.TotalSeconds:N0} s ({count / took.TotalSeconds:N0} a second)
        taken by the inbox      {taken:N0}
        came again, not taken   {again:N0}
        sent again, unsettled   {sentAgain:N0}
        owed                    {ought.Values.Sum() / 100m:N2}
        booked                  {booked / 100m:N2}
        accounts that are wrong {wrong}
        """);
    var right = wrong == 0 && booked == ought.Values.Sum() && taken == count;
    Console.WriteLine(right ? "right to the cent" : "THE SUM IS WRONG");
    if (again == 0)
        Console.WriteLine("(nothing came twice in so short a run: take more payments to see the inbox refuse)");
    return right ? 0 : 1;

    ChildProcess Child(string role, Action<string> hear) => new(typeof(Bank).Assembly.Location, Path.Combine(folder, $"{role}.log"), hear);

    Task Start(ChildProcess child, string role) => child.Start([role, postgres.ConnectionString, orleansmq.Address.ToString(), count.ToString(CultureInfo.InvariantCulture)], "ready", default);

    static async Task MakeTopic(IBroker broker)
    {
        await broker.PutTopic(Bank.Topic, new() { Partitions = 4, TokenAge = TimeSpan.FromHours(1) });
        await broker.PutGroup(Bank.Topic, Bank.Accounts, new() { MaxDeliveries = 1_000, Backoff = new[] { TimeSpan.FromMilliseconds(100) }, Lease = TimeSpan.FromSeconds(5) });
    }

    async Task Reached(int percent)
    {
        while (await Bank.Ask<long>(connection, "select count(*) from mq_inbox") < count / 100L * percent)
            await Task.Delay(50);
    }

    async Task Crash(string what, Func<Task> kill, Func<Task> start)
    {
        await kill();
        Console.WriteLine($"{watch.Elapsed.TotalSeconds,5:N1} s {what}");
        await start();
    }
}
catch (Exception e) when (e is SetUpException or InvalidOperationException or TimeoutException)
{
    Console.Error.WriteLine($"ledger: {e.Message}");
    return 3;
}
finally
{
    NpgsqlConnection.ClearAllPools();
    Directory.Delete(folder, recursive: true);
}
