using OrleansMq.Core.Groups;
using Xunit;

namespace OrleansMq.Core.Tests.Groups;

public sealed class SharesTests
{
    private static readonly SeenTopic A = new("a", Guid.Parse("00000000-0000-0000-0000-00000000000a"), 6);
    private static readonly SeenTopic B = new("b", Guid.Parse("00000000-0000-0000-0000-00000000000b"), 3);

    [Theory]
    [InlineData(Shares.Uniform, 1, "a0 a1 a2 a3 a4 a5 b0 b1 b2")]
    [InlineData(Shares.Uniform, 2, "a0 a2 a4 b0 b2|a1 a3 a5 b1")]
    [InlineData(Shares.Range, 2, "a0 a1 a2 b0 b1|a3 a4 a5 b2")]
    [InlineData(Shares.Range, 4, "a0 a1 b0|a2 a3 b1|a4 b2|a5")]
    [InlineData(Shares.Uniform, 10, "a0|a1|a2|a3|a4|a5|b0|b1|b2|")]
    public void PartitionsAreSharedOutAsTheWaySays(string assignor, int sharers, string expected) =>
        Assert.Equal(expected, Text(Shares.Of(assignor, [.. Enumerable.Range(0, sharers).Select(i => Sharer(i, "a", "b"))], [A, B])));

    [Fact]
    public void NobodyHasWhatNobodyWantsAndNobodyIsGivenWhatItDoesNotWant() =>
        Assert.Equal("b0 b1 b2|", Text(Shares.Of(Shares.Uniform, [Sharer(0, "b"), Sharer(1, "c")], [A, B])));

    [Fact]
    public void WhoComesTakesNoMoreThanItsShareAndTheOthersKeepTheRest()
    {
        var alone = Shares.Of(Shares.Uniform, [Sharer(0, "a")], [A]);
        var two = Shares.Of(Shares.Uniform, [Sharer(0, "a") with { Present = alone[0] }, Sharer(1, "a")], [A]);
        Assert.Equal("a0 a1 a2|a3 a4 a5", Text(two));
        var three = Shares.Of(Shares.Uniform, [Sharer(0, "a") with { Present = two[0] }, Sharer(1, "a") with { Present = two[1] }, Sharer(2, "a")], [A]);
        Assert.Equal("a0 a1|a3 a4|a2 a5", Text(three));
    }

    [Fact]
    public void AnySharesAreWholeOnceAndLevelAndOnlyWhatHasToMovesWhereAllWantTheSame()
    {
        for (var seed = 1; seed <= 300; seed++)
        {
            var random = new Random(seed);
            SeenTopic[] topics = [.. Enumerable.Range(0, random.Next(1, 5)).Select(t => new SeenTopic($"t{t}", new Guid(t + 1, 0, 0, new byte[8]), random.Next(1, 12)))];
            var sharers = new List<Sharer>();
            var next = 0;
            for (var step = 0; step < 12; step++)
            {
                if (random.Next(3) > 0 || sharers.Count == 0)
                    sharers.Add(new Sharer($"m{next++}", [topics.Select(t => t.Name).ToArray()], new HashSet<TopicPart>()));
                else
                    sharers.RemoveAt(random.Next(sharers.Count));
                var shares = Shares.Of(Shares.Uniform, sharers, topics);
                var all = shares.SelectMany(share => share).ToList();
                Assert.Equal(sharers.Count == 0 ? 0 : topics.Sum(t => t.Partitions), all.Distinct().Count());
                Assert.Equal(all.Count, all.Distinct().Count());
                if (sharers.Count == 0)
                    continue;
                Assert.True(shares.Max(s => s.Count) - shares.Min(s => s.Count) <= 1, $"seed {seed}, step {step}");
                // Nobody who has fewer than before was below what all have at least.
                var least = shares.Min(s => s.Count);
                for (var i = 0; i < shares.Length; i++)
                    Assert.True(sharers[i].Present.Count(part => !shares[i].Contains(part)) <= Math.Max(0, sharers[i].Present.Count - least), $"seed {seed}, step {step}: more moved than had to");
                for (var i = 0; i < shares.Length; i++)
                    sharers[i] = sharers[i] with { Present = shares[i] };
            }
        }
    }

    [Fact]
    public void WhereMembersWantDifferentTopicsOneThatCanTakeLessGetsLess() =>
        Assert.Equal("b0 b1 b2|a0 a1 a2 a3 a4 a5", Text(Shares.Of(Shares.Uniform, [Sharer(0, "b"), Sharer(1, "a", "b")], [A, B])));

    private static Sharer Sharer(int number, params string[] topics) => new($"m{number:00}", [topics], new HashSet<TopicPart>());

    private static string Text(HashSet<TopicPart>[] shares) => string.Join('|', shares.Select(share =>
        string.Join(' ', share.Select(part => $"{(part.Topic == A.Id ? 'a' : 'b')}{part.Partition}").Order(StringComparer.Ordinal))));
}
