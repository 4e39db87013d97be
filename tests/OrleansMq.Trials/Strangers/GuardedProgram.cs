using System.Net;
using OrleansMq.Trials.Machines;

namespace OrleansMq.Trials.Strangers;

/// <summary>The real program with <c>--access on</c>, and the users whom the trial needs.</summary>
internal sealed class GuardedProgram : IAsyncDisposable
{
    public const string Password = "a password of the trial's own";
    public const string Canary = "canary";
    public const string Known = "known";

    private readonly string _data;
    private readonly BrokerProgram _program;

    private GuardedProgram(string data, BrokerProgram program, Uri http, IPEndPoint kafka) => (_data, _program, Http, Kafka) = (data, program, http, kafka);

    public Uri Http { get; }

    public IPEndPoint Kafka { get; }

    public string Said => _program.Said;

    public static async Task<GuardedProgram> Start()
    {
        var data = Directory.CreateTempSubdirectory("orleansmq-strangers-").FullName;
        var password = Path.Combine(data, "admin.txt");
        await File.WriteAllTextAsync(password, Password);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(password, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var program = BrokerProgram.Start(Path.Combine(data, "data"), new Dictionary<string, string>(), "--kafka", "0", "--access", "on", "--admin-password-file", password);
        var ready = await program.Ready();
        var guarded = new GuardedProgram(data, program, new Uri("http://" + ready["http"]), IPEndPoint.Parse(ready["kafka"]));
        await guarded.MakeUsers();
        return guarded;
    }

    public HttpBroker As(string user) => HttpBroker.Connect(Http, new HttpBrokerOptions { Credential = HttpCredential.OfPassword(user, Password) });

    /// <summary>Bytes of memory that the program has now.</summary>
    public long Resident => long.Parse(File.ReadLines($"/proc/{_program.Id}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) << 10;

    /// <summary>All that is kept, but for the canary's topic and the trail of refusals.</summary>
    public async Task<string> State()
    {
        await using var admin = As("admin");
        var lines = new List<string>();
        foreach (var topic in (await admin.ListTopics()).Items.Where(topic => topic.Text != Canary && !topic.Text.StartsWith("_orleansmq.", StringComparison.Ordinal)))
        {
            lines.Add($"{topic} {string.Join(' ', (await admin.DescribeTopic(topic)).Partitions.Select(partition => $"{partition.Start}-{partition.End}"))}");
            lines.AddRange((await admin.ListGroups(topic)).Items.Select(group => $"{topic} {group}"));
        }
        lines.AddRange((await admin.ListExchanges()).Items.Select(exchange => exchange.ToString()));
        return string.Join('\n', lines);
    }

    public async ValueTask DisposeAsync()
    {
        var code = await _program.Stop();
        _program.Dispose();
        Directory.Delete(_data, recursive: true);
        if (code != 0)
            Console.Error.WriteLine($"The program ended with {code}: {Said}");
    }

    private async Task MakeUsers()
    {
        await using var admin = As("admin");
        foreach (var user in new[] { Canary, Known })
            await admin.Access.PutUser(user, new UserChange { Password = Password });
        await Allow(Canary, ResourceKind.Topic, Canary);
        foreach (var kind in new[] { ResourceKind.Topic, ResourceKind.Group, ResourceKind.Producer, ResourceKind.Exchange })
            await Allow(Known, kind, kind == ResourceKind.Topic ? "t" : "*");
        await admin.PutTopic(Canary, new TopicChange());
        await admin.PutTopic("t", new TopicChange());

        async Task Allow(string user, ResourceKind kind, string name) =>
            await admin.Access.AddRule(new AccessRule(SubjectKind.User, user, Work, kind, name == "*" ? ResourceMatch.Pattern : ResourceMatch.Literal, name));
    }

    // Not to alter: 4,000 partitions made by a sound request are no fault of the gateway's.
    private const AccessOperations Work = AccessOperations.Produce | AccessOperations.Consume | AccessOperations.Browse | AccessOperations.Create | AccessOperations.Redrive;
}
