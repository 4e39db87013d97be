using System.Text.Json;
using BenchmarkDotNet.Attributes;
using OrleansMq.Core.Catalog;
using OrleansMq.Core.Groups;

namespace OrleansMq.Benchmarks;

/// <summary>What a beat costs in a group to which the broker assigns: all members want all topics, of ten partitions each.</summary>
[MemoryDiagnoser]
public class AssigningGroupBenchmarks
{
    private static readonly Dictionary<string, TopicLook> Nothing = [];

    private AssigningGroup _group = null!;
    private MemberBeat _short = null!;
    private MemberBeat _whole = null!;
    private int _comers;

    [Params(10, 999)]
    public int Members { get; set; }

    [Params(10, 1_000)]
    public int Topics { get; set; }

    [GlobalSetup]
    public void Stand()
    {
        _group = CoordinationDocument.FromJson(JsonSerializer.SerializeToUtf8Bytes(Document()), 0).Assigning;
        _short = new MemberBeat { Member = NameOf(0), Epoch = 1, Session = TimeSpan.FromSeconds(45) };
        _whole = _short with
        {
            Rebalance = TimeSpan.FromMinutes(5),
            Topics = [.. Enumerable.Range(0, Topics).Select(topic => new TopicName($"t{topic:0000}"))],
            Owned = [.. Shares(0).Select(share => new OwnedTopic(Guid.ParseExact(share.Key, "N"), share.Value))],
        };
        if (_group.Beat(_whole, Nothing, 0).Error is { } error || _group.Phase != GroupPhase.Stable)
            throw new InvalidOperationException($"The group does not stand still: {_group.Phase}.");
    }

    [Benchmark]
    public int NothingChanges() => _group.Beat(_short, Nothing, 0).Standing!.Epoch;

    [Benchmark]
    public int NothingChangesAndAllIsSaid() => _group.Beat(_whole, Nothing, 0).Standing!.Epoch;

    /// <summary>Two changes: one comes, and goes.</summary>
    [Benchmark]
    public int OneComesAndGoes()
    {
        var comer = _whole with { Member = $"comer-{_comers++}", Epoch = 0, Owned = [] };
        _group.Beat(comer, Nothing, 0);
        return _group.Beat(comer with { Epoch = MemberBeat.Leaves }, Nothing, 0).Standing!.Epoch;
    }

    private object Document() => new
    {
        version = 1,
        name = "g",
        kind = "consumer",
        assigning = new
        {
            epoch = 1,
            assignor = "uniform",
            topics = Enumerable.Range(0, Topics).Select(topic => new { name = $"t{topic:0000}", id = IdOf(topic), partitions = 10 }),
            names = new[] { Enumerable.Range(0, Topics).Select(topic => $"t{topic:0000}").ToArray(), [] },
            members = Enumerable.Range(0, Members).Select(member => new
            {
                name = NameOf(member), sessionMs = 45_000, rebalanceMs = 300_000, topics = 0, matched = 1, epoch = 1, held = Shares(member), target = Shares(member),
            }),
        },
    };

    private Dictionary<string, int[]> Shares(int member) => Enumerable.Range(0, Topics * 10).Where(part => part % Members == member)
        .GroupBy(part => part / 10).ToDictionary(topic => IdOf(topic.Key).ToString("N"), topic => topic.Select(part => part % 10).ToArray());

    private static string NameOf(int member) => $"m{member:0000}";

    private static Guid IdOf(int topic) => new(topic + 1, 0, 0, new byte[8]);
}
