using System.Diagnostics;
using System.Globalization;
using OrleansMq;
using OrleansMq.Samples.Registration;

// Users register, and each gets one mail and one SMS: done while the user waits, one behind the other or side by side, or queued. The queue's handlers crash, users click twice,
// and the mail service is down when they register. Exit codes: 0 each effect was there once, 1 it was not.
const int Users = 20;
var (mailLatency, smsLatency) = (TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(80));
var folder = Directory.CreateTempSubdirectory("registration-").FullName;
var balances = true;
try
{
    Console.WriteLine($"{Users} users one after the other; a mail takes {mailLatency.TotalMilliseconds} ms, an SMS {smsLatency.TotalMilliseconds} ms");
    Console.WriteLine("              median response    longest    mails    SMS");

    await Register("serial", async (token, mail, sms) =>
    {
        await mail.Send(token, default);
        await sms.Send(token, default);
    });
    await Register("parallel", (token, mail, sms) => Task.WhenAll(mail.Send(token, default), sms.Send(token, default)));

    await using var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Data = folder });
    await broker.PutTopic("registered", new());
    foreach (var group in (GroupName[])["mail", "sms"])
        await broker.PutGroup("registered", group, new() { Backoff = (TimeSpan[])[TimeSpan.FromMilliseconds(50)] });

    var duplicates = 0;
    QueueConsumer? smsWorker = null;
    var (queuedMail, queuedSms) = await Register("queued", async (token, _, sms) =>
    {
        smsWorker ??= broker.Consume("registered", "sms", sms.Handle);
        var result = (await broker.Publish("registered", [Message.OfText("welcome") with { Token = token }]))[0];
        result.OrThrow();
        duplicates += result.Duplicate ? 1 : 0;
    }, async (mail, _) =>
    {
        // Everybody has an answer, and only now the mail service comes up.
        await using var mailWorker = broker.Consume("registered", "mail", mail.Handle);
        var began = Stopwatch.GetTimestamp();
        while (balances && await Waiting(broker, "mail") + await Waiting(broker, "sms") > 0)
        {
            await Task.Delay(20); // the handlers work by themselves; this only looks
            balances &= Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(60);
        }

        await smsWorker!.DisposeAsync();
    });

    Console.WriteLine($"queued: {duplicates} users clicked twice and were registered once; the mail service came up behind the last of them");
    foreach (var (name, service) in (ReadOnlySpan<(string, Service)>)[("mail", queuedMail), ("SMS", queuedSms)])
        Console.WriteLine($"queued: {name} handlers crashed {service.Crashes} times; {service.Known} deliveries were known to the guard");
    balances &= duplicates == Users / 5 && queuedMail is { Crashes: > 0, Known: > 0 } && queuedSms is { Crashes: > 0, Known: > 0 };
    Console.WriteLine(balances ? "the books balance" : "THE BOOKS DO NOT BALANCE");
    return balances ? 0 : 1;
}
finally
{
    Directory.Delete(folder, recursive: true);
}

// One user after the other; each fifth clicks twice.
async Task<(Service Mail, Service Sms)> Register(string way, Func<string, Service, Service, Task> answer, Func<Service, Service, Task>? behind = null)
{
    var (mail, sms) = (new Service(mailLatency), new Service(smsLatency));
    var tokens = Enumerable.Range(1, Users).Select(user => $"{way}-user-{user.ToString(CultureInfo.InvariantCulture)}").ToList();
    var responses = new List<double>();
    foreach (var (index, token) in tokens.Index())
    {
        var began = Stopwatch.GetTimestamp();
        await answer(token, mail, sms);
        responses.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        if (index % 5 == 0)
            await answer(token, mail, sms);
    }

    if (behind is not null)
        await behind(mail, sms);
    var once = mail.Book.Order().SequenceEqual(tokens.Order()) && sms.Book.Order().SequenceEqual(tokens.Order());
    balances &= once;
    responses.Sort();
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"  {way,-10}{responses[responses.Count / 2],13:N1} ms {responses[^1],7:N1} ms {mail.Book.Count,8} {sms.Book.Count,6}   {(once ? "each once" : "NOT EACH ONCE")}"));
    return (mail, sms);
}

static async Task<long> Waiting(IBroker broker, GroupName group) => (await broker.DescribeGroup("registered", group)).Partitions.Sum(partition => partition.Lag);
