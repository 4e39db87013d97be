using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Tests;

/// <summary>What requests and answers hold of the budget that all connections share.</summary>
public sealed class SendTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AConnectionThatBreaksWhileItIsAnsweredGivesBackAllThatItHeld(bool known)
    {
        await using var broker = await EmbeddedBroker.InMemory();
        await broker.PutTopic("t", new TopicChange());
        await broker.Publish("t", [.. Enumerable.Range(0, 100).Select(i => Message.OfText(new string('x', 1_000)))]);
        var options = new KafkaGatewayOptions();
        using var stopping = new CancellationTokenSource();
        var desk = new KafkaDesk(broker, options, () => "127.0.0.1:1", NullLogger.Instance, stopping.Token);
        var input = new Pipe();
        await using var transport = new DefaultConnectionContext { Transport = new Broken(input.Reader, known ? new IOException("reset") : new InvalidOperationException("a fault of ours")) };
        var run = desk.Serve(transport);
        // More than are begun at once, so that some wait for their place.
        for (var i = 0; i < options.MaxPipelined * 2; i++)
        {
            var frame = Requests.Last(ApiKey.Fetch).Frame(i);
            await input.Writer.WriteAsync((byte[])[0, 0, (byte)(frame.Length >> 8), (byte)frame.Length, .. frame]);
        }
        await input.Writer.CompleteAsync();

        await run.WaitAsync(TimeSpan.FromSeconds(60));

        Assert.Equal(0, desk.InFlight.Held);
    }

    private sealed class Broken(PipeReader input, Exception why) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output { get; } = new BrokenWriter(why);
    }

    /// <summary>As TLS does it when the other side is gone: the flush throws.</summary>
    private sealed class BrokenWriter(Exception why) : PipeWriter
    {
        private readonly Pipe _pipe = new();
        private long _unflushed;

        public override bool CanGetUnflushedBytes => true;
        public override long UnflushedBytes => _unflushed;
        public override void Advance(int bytes)
        {
            _unflushed += bytes;
            _pipe.Writer.Advance(bytes);
        }
        public override Memory<byte> GetMemory(int sizeHint = 0) => _pipe.Writer.GetMemory(sizeHint);
        public override Span<byte> GetSpan(int sizeHint = 0) => _pipe.Writer.GetSpan(sizeHint);
        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => ValueTask.FromException<FlushResult>(why);
        public override void CancelPendingFlush() { }
        public override void Complete(Exception? exception = null) { }
    }
}
