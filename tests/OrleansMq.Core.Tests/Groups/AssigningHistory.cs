using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;
using Xunit;

namespace OrleansMq.Core.Tests.Groups;

/// <summary>Clients that come, go, lose answers, are slow or die, as a seed says, and a group that is loaded anew now and then: no partition is read by two.</summary>
internal sealed class AssigningHistory(int seed)
{
    private static readonly Guid T = Guid.Parse("00000000-0000-0000-0000-0000000000aa"), U = Guid.Parse("00000000-0000-0000-0000-0000000000bb");

    private readonly Random _random = new(seed);
    private readonly List<Client> _clients = [];
    private readonly Dictionary<string, SeenTopic?> _topics = new() { ["t"] = new SeenTopic("t", T, 5), ["u"] = new SeenTopic("u", U, 2) };
    private AssigningGroup _group = new();
    private long _now;
    private int _names;

    /// <summary>As a client keeps it: it begins to read what it is told, and stops before it says so.</summary>
    private sealed class Client(string name, string? instance)
    {
        public string Name => name;
        public string? Instance => instance;
        public int Epoch { get; set; }
        public HashSet<(Guid, int)> Reads { get; set; } = [];
        public bool Changed { get; set; }
        public long HeardMs { get; set; }
    }

    public void Run()
    {
        var epoch = 0;
        for (var step = 0; step < 150; step++)
        {
            Step();
            Assert.InRange(_group.Epoch, epoch, int.MaxValue);
            epoch = _group.Epoch;
            Check(step);
        }
        for (var round = 0; round < 20; round++)
        {
            _now += 4_000;
            _group.Tick(_now);
            foreach (var client in _clients.ToList())
                Beat(client, lost: false);
        }
        Check(-1);
        if (_clients.Count == 0)
            return;
        Assert.Equal(GroupPhase.Stable, _group.Phase);
        Assert.Equal(_topics.Values.Sum(topic => topic!.Partitions), _clients.Sum(client => client.Reads.Count));
    }

    private void Step()
    {
        var client = _clients.Count > 0 ? _clients[_random.Next(_clients.Count)] : null;
        switch (_random.Next(14))
        {
            case 0 or 1:
                _clients.Add(new Client($"m{_names++}", _random.Next(3) == 0 ? $"i{_names}" : null));
                break;
            case 2 when client is not null:
                // Killed: its session will end.
                _clients.Remove(client);
                break;
            case 3 when client is { Epoch: > 0 }:
                client.Reads = [];
                _group.Beat(Say(client, MemberBeat.Leaves), _topics.Looked(), _now);
                _clients.Remove(client);
                break;
            case 4 when client is { Epoch: > 0, Instance: { } instance }:
                client.Reads = [];
                _group.Beat(Say(client, MemberBeat.ComesBack) with { Instance = instance }, _topics.Looked(), _now);
                _clients.Remove(client);
                _clients.Add(new Client($"m{_names++}", instance));
                break;
            case 5:
                _now += _random.Next(4_000);
                _group.Tick(_now);
                break;
            case 6:
                _topics["t"] = _topics["t"]! with { Partitions = _topics["t"]!.Partitions + 1 };
                _group.Learn(_topics.Looked());
                break;
            case 7:
                _group = CoordinationDocument.FromJson((CoordinationDocument.New("g", _now) with { Assigning = _group }).ToJson(), _now).Assigning;
                break;
            default:
                if (client is not null)
                    Beat(client, lost: _random.Next(6) == 0);
                break;
        }
        // A client that was not heard for a session stops by itself.
        foreach (var silent in _clients.Where(one => one.Epoch > 0 && _now - one.HeardMs >= 10_000))
            (silent.Reads, silent.Epoch) = ([], 0);
    }

    private void Beat(Client client, bool lost)
    {
        var whole = client.Epoch == 0 || client.Changed || _random.Next(3) == 0;
        var beat = Say(client, client.Epoch);
        if (whole)
            beat = beat with { Instance = client.Instance, Rebalance = TimeSpan.FromMinutes(1), Topics = ["t", "u"], Owned = Owned(client) };
        var decision = _group.Beat(beat, _topics.Looked(), _now);
        if (lost)
        {
            client.Changed = true;
            return;
        }
        if (decision.Error is not null)
        {
            (client.Reads, client.Epoch) = ([], 0);
            return;
        }
        (client.HeardMs, client.Epoch, client.Changed) = (_now, decision.Standing!.Epoch, false);
        if (decision.Standing.Assigned is not { } assigned)
            return;
        client.Reads = [.. assigned.SelectMany(topic => topic.Partitions.Select(partition => (topic.Id, partition)))];
        client.Changed = true;
    }

    private static MemberBeat Say(Client client, int epoch) => new() { Member = client.Name, Epoch = epoch, Session = TimeSpan.FromSeconds(10) };

    private static OwnedTopic[] Owned(Client client) => [.. client.Reads.GroupBy(part => part.Item1).Select(topic => new OwnedTopic(topic.Key, [.. topic.Select(part => part.Item2)]))];

    private void Check(int step)
    {
        var read = _clients.SelectMany(client => client.Reads).ToList();
        Assert.True(read.Count == read.Distinct().Count(), $"seed {seed}, step {step}: two read the same");
        var held = _group.Describe().SelectMany(member => member.Assigned.SelectMany(topic => topic.Partitions.Select(partition => (topic.Id, partition)))).ToList();
        Assert.True(held.Count == held.Distinct().Count(), $"seed {seed}, step {step}: two were told the same");
    }
}
