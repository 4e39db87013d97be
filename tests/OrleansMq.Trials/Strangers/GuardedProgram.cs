using System.Net;
using OrleansMq.Trials.Machines;

namespace OrleansMq.Trials.Strangers;

/// <summary>The real program with <c>--access on</c>, and the users whom the trial needs.</summary>
internal sealed class GuardedProgram : IAsyncDisposable
{
    public const string Password = "a password of the trial's own";
    public const string Canary = "canary";
    public const string Known = "known";

    private const string Trail = "_orleansmq.audit";

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

    /// <summary>All that is kept, but for the canary's messages and the trail of refusals.</summary>
    public async Task<string> State()
    {
        await using var admin = As("admin");
        var lines = new List<string>();
        foreach (var topic in await All(after => admin.ListTopics(after: after)))
        {
            if (topic.Text == Trail)
                continue;
            var found = await admin.DescribeTopic(topic);
            lines.Add($"{topic} {found.Settings}");
            if (topic.Text != Canary)
                lines.AddRange(found.Partitions.Select(partition => $"{topic} {partition.Start}-{partition.End}, {partition.Delayed} delayed"));
            lines.AddRange((await All(after => admin.ListGroups(topic, after))).Select(group => $"{topic} {group}"));
        }
        lines.AddRange((await All(after => admin.ListExchanges(after: after))).Select(exchange => exchange.ToString()));
        return string.Join('\n', lines);
    }

    /// <summary>Who may do what: nobody but an administrator changes it, whoever they are.</summary>
    public async Task<string> Rights()
    {
        await using var admin = As("admin");
        return string.Join('\n', [
            .. (await admin.Access.ListUsers()).Select(user => $"{user} {string.Join(',', user.Teams)}"),
            .. (await admin.Access.ListRules()).Select(rule => rule.ToString()),
            .. (await admin.Access.ListQuotas()).Select(quota => quota.ToString()),
        ]);
    }

    /// <summary>Whether somebody known comes in and nobody else does: were it otherwise, frames "before" and "after" would be the same.</summary>
    public async Task<IReadOnlyList<string>> Doors()
    {
        await using var known = As(Known);
        await known.DescribeTopic("t");
        await using var nobody = HttpBroker.Connect(Http);
        try
        {
            await nobody.DescribeTopic("t");
            return ["nobody was asked who they are"];
        }
        catch (MqException e) when (e.Code == ErrorCodes.Unauthenticated)
        {
            return [];
        }
    }

    /// <returns>Its exit code; null when it had to be killed.</returns>
    public Task<int?> Stop() => _program.Stop();

    public ValueTask DisposeAsync()
    {
        _program.Dispose();
        Directory.Delete(_data, recursive: true);
        return ValueTask.CompletedTask;
    }

    private static async Task<List<T>> All<T>(Func<string?, ValueTask<Page<T>>> list)
    {
        var all = new List<T>();
        string? after = null;
        do
        {
            var page = await list(after);
            all.AddRange(page.Items);
            after = page.Next;
        }
        while (after is not null);
        return all;
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
