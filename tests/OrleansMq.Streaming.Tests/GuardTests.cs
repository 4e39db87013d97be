using Orleans.Streams;
using Xunit;

namespace OrleansMq.Streaming.Tests;

public sealed class GuardTests
{
    private static readonly StreamId Stream = StreamId.Create("s", "1");

    private readonly StoredPoints _state = new();

    [Fact]
    public async Task ARedeliveryChangesNothing()
    {
        var guard = Guard();
        Assert.True(await guard.Once(Stream, At(5), Add(1)));
        Assert.False(await guard.Once(Stream, At(5), Add(1)));
        Assert.False(await guard.Once(Stream, At(4), Add(1)));
        Assert.True(await guard.Once(Stream, At(6), Add(1)));
        Assert.Equal((2, 2), (_state.State.Total, _state.Writes));
    }

    [Fact]
    public async Task AResendAtAnotherPositionIsKnownByItsToken()
    {
        var guard = Guard();
        Assert.True(await guard.Once(Stream, At(5, "order-1"), Add(1)));
        Assert.False(await guard.Once(Stream, At(900, "order-1"), Add(1)));
        Assert.False(await guard.Once("order-1", Add(1)));
        Assert.Equal(1, _state.State.Total);
    }

    [Theory]
    [InlineData(WriteFailure.BeforeTheWrite)]
    [InlineData(WriteFailure.AfterTheWrite)]
    public async Task AfterAFailedWriteTheRedeliveryTakesTheEventOnce(WriteFailure failure)
    {
        var guard = Guard();
        _state.Next = failure;
        await Assert.ThrowsAsync<IOException>(() => guard.Once(Stream, At(5), Add(1)));
        Assert.Equal(failure == WriteFailure.BeforeTheWrite, await guard.Once(Stream, At(5), Add(1)));
        Assert.Equal((1, 1), (_state.State.Total, _state.StoredTotal));
    }

    [Fact]
    public async Task AChangeThatThrowsHalfwayLeavesNothing()
    {
        var guard = Guard();
        await Assert.ThrowsAsync<InvalidOperationException>(() => guard.Once(Stream, At(5), state =>
        {
            state.Total = 99;
            throw new InvalidOperationException();
        }));
        Assert.True(await guard.Once(Stream, At(5), Add(1)));
        Assert.Equal(1, _state.State.Total);
    }

    [Fact]
    public async Task ABatchIsOneWriteAndOnlyWhatIsNewCounts()
    {
        var guard = Guard();
        await guard.Once(Stream, At(1), Add(1));
        List<SequentialItem<int>> items = [new(10, At(1)), new(10, At(2)), new(10, At(3))];
        Assert.Equal(2, await guard.Once(Stream, items, static (state, each) => state.Total += each));
        Assert.Equal(0, await guard.Once(Stream, items, static (state, each) => state.Total += each));
        Assert.Equal((21, 2), (_state.State.Total, _state.Writes));
    }

    [Fact]
    public void MarksStayBounded()
    {
        var marks = new IdempotencyMarks();
        for (var n = 0; n < 100; n++)
        {
            marks.Add($"token-{n}", maxTokens: 10);
            marks.Add(StreamId.Create("s", $"{n}"), At(1), maxStreams: 10);
            marks.Add(StreamId.Create("s", "always"), At(n), maxStreams: 10);
        }

        Assert.Equal((10, 10), (marks.Tokens.Count, marks.Positions.Count));
        Assert.True(marks.Contains("token-99"));
        Assert.True(marks.Contains(StreamId.Create("s", "always"), At(99)));
    }

    [Fact]
    public async Task TheSameOffsetOfAnotherPartitionIsAnotherEvent()
    {
        var guard = Guard();
        Assert.True(await guard.Once(Stream, new OrleansMqSequenceToken(0, 5), Add(1)));
        Assert.True(await guard.Once(Stream, new OrleansMqSequenceToken(1, 5), Add(1)));
    }

    [Fact]
    public async Task EventsOfATopicThatWasMadeAnewAreNewThoughTheirOffsetsAreNot()
    {
        var (guard, anew) = (Guard(), Guid.NewGuid());
        Assert.True(await guard.Once(Stream, At(1000, topic: Guid.NewGuid(), epoch: 9), Add(1)));
        Assert.True(await guard.Once(Stream, At(0, topic: anew, epoch: 1), Add(1)));
        Assert.False(await guard.Once(Stream, At(0, topic: anew, epoch: 1), Add(1)));
        Assert.True(await guard.Once(Stream, At(1, topic: anew, epoch: 1), Add(1)));
        Assert.Equal(3, _state.State.Total);
    }

    [Fact]
    public async Task AnEventInPlaceOfOneThatWasLostBeforeItWasFlushedIsNew()
    {
        var guard = Guard();
        Assert.True(await guard.Once(Stream, At(7, epoch: 3), Add(1)));
        Assert.False(await guard.Once(Stream, At(6, epoch: 2), Add(1)));
        Assert.True(await guard.Once(Stream, At(6, epoch: 4), Add(1)));
        Assert.False(await guard.Once(Stream, At(6, epoch: 4), Add(1)));
        Assert.Equal(2, _state.State.Total);
    }

    [Fact]
    public void AMarkOfAnEarlierReleaseCountsForWhateverHasTheName()
    {
        var mark = System.Text.Json.JsonSerializer.Deserialize<IdempotencyMark>("""{"Stream":"s/1","Partition":0,"Offset":5,"EventIndex":0}""")!;
        var marks = new IdempotencyMarks { Positions = [mark] };
        Assert.True(marks.Contains(Stream, At(5, topic: Guid.NewGuid(), epoch: 3)));
        Assert.False(marks.Contains(Stream, At(6, topic: Guid.NewGuid(), epoch: 3)));
    }

    private IdempotencyGuard<Points> Guard() => new(_state, state => state.Marks);

    private static OrleansMqSequenceToken At(long offset, string? token = null, Guid topic = default, int epoch = 0) =>
        new(0, offset) { IdempotencyToken = token, TopicId = topic, Epoch = epoch };

    private static Action<Points> Add(int points) => state => state.Total += points;

    /// <summary>A state whose store can fail on either side of the write.</summary>
    internal sealed class StoredPoints : IPersistentState<Points>
    {
        private Points _stored = new();

        public WriteFailure Next { get; set; }

        public int Writes { get; private set; }

        public int StoredTotal => _stored.Total;

        public Points State { get; set; } = new();

        public string Etag => "";

        public bool RecordExists => Writes > 0;

        public Task ReadStateAsync()
        {
            State = Copy(_stored);
            return Task.CompletedTask;
        }

        public Task WriteStateAsync()
        {
            var failure = Next;
            Next = WriteFailure.None;
            if (failure == WriteFailure.BeforeTheWrite)
                throw new IOException("The store is away.");
            _stored = Copy(State);
            if (failure == WriteFailure.AfterTheWrite)
                throw new IOException("The answer was lost.");
            Writes++;
            return Task.CompletedTask;
        }

        public Task ClearStateAsync() => throw new NotSupportedException();

        private static Points Copy(Points points) => new()
        {
            Total = points.Total,
            Marks = new IdempotencyMarks { Positions = [.. points.Marks.Positions], Tokens = [.. points.Marks.Tokens] },
        };
    }
}
