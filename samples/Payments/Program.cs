using System.Collections.Concurrent;
using OrleansMq;

// A payment and its message, all or nothing; a reminder that is taken back when the payment comes; and at the end what is not settled, and why.
var folder = args is ["--data", var given] ? given : Path.Combine(Path.GetTempPath(), $"payments-{Environment.ProcessId}");
var paid = new ConcurrentDictionary<string, bool>();
try
{
    await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Data = folder });
    await broker.PutTopic("payments", new());
    await broker.PutTopic("reminders", new());
    await broker.PutGroup("payments", "ship", new() { WhenExpired = WhenExpired.DeadLetter });

    // 1. Everybody is reminded in three days, unless he pays.
    foreach (var order in Orders())
        await broker.Publish("reminders", [Message.OfText($"please pay {order}", key: order) with { Token = order, DeliverAfter = TimeSpan.FromDays(3) }]);

    // 2. One pays. His bank's transaction and the message happen both, or none of them.
    var terms = new HalfTerms("bank") { CheckAfter = TimeSpan.FromMilliseconds(200), CheckEvery = TimeSpan.FromMilliseconds(200) };
    await using (var bank = Bank(broker, terms))
    {
        await bank.InTransaction(Message.OfText("paid", key: "order-1") with { Token = "pay-1" }, (_, _) => Task.FromResult(Book("order-1")));
        await bank.InTransaction(Message.OfText("paid", key: "order-2") with { Token = "pay-2" }, (_, _) => Task.FromResult(false));
    }

    // 3. Another pays, and the bank dies between its own commit and the message's.
    await broker.Publish("payments", [Message.OfText("paid", key: "order-3") with { Token = "pay-3", Half = terms }]);
    Book("order-3");

    // Whoever of the bank's group comes up next is asked, and knows from the same books.
    await using (Bank(broker, terms))
        while ((await broker.ListHalf("payments")).Items.Count > 0)
            await Task.Delay(50); // the check-back comes by itself; this only looks whether it has come

    // 4. Shipping takes what is paid; nobody who paid is reminded.
    var shipped = new List<string>();
    foreach (var delivery in await broker.Receive("payments", "ship", new() { Max = 10, Consumer = "ship" }))
    {
        await broker.CancelScheduled("reminders", delivery.KeyText!);
        shipped.Add(delivery.KeyText!);
        if (delivery.KeyText != "order-3")
            await broker.Settle("payments", "ship", Settlement.Acknowledge(delivery.Lease));
    }

    // 5. What went in and is not settled?
    var open = await broker.Reconcile("payments", "ship", new());
    var waiting = (await broker.ListScheduled("reminders")).Items.Select(reminder => reminder.Id).Order().ToList();

    Console.WriteLine($"shipped:            {string.Join(", ", shipped)}");
    Console.WriteLine($"still reminded:     {string.Join(", ", waiting)}");
    foreach (var message in open.Messages)
        Console.WriteLine($"not settled:        {message.Message.KeyText}, {message.Cause}, delivered {message.Deliveries} time");

    var balances = shipped.Order().SequenceEqual(paid.Keys.Order()) && waiting.SequenceEqual(["order-2", "order-4"])
        && open.Messages.Select(message => (message.Message.KeyText, message.Cause)).SequenceEqual([("order-3", UnsettledCause.Leased)]);
    Console.WriteLine(balances ? "the books balance" : "THE BOOKS DO NOT BALANCE");
    return balances ? 0 : 1;
}
finally
{
    if (args.Length == 0 && Directory.Exists(folder))
        Directory.Delete(folder, recursive: true);
}

bool Book(string order) => paid[order] = true;

TransactionalProducer Bank(IBroker broker, HalfTerms terms) => new(
    broker, "payments", "bank", (half, _) => Task.FromResult<bool?>(paid.ContainsKey(half.Message.KeyText!)), new() { Terms = terms, CheckWait = TimeSpan.FromSeconds(1) });

static string[] Orders() => ["order-1", "order-2", "order-3", "order-4"];
