using Orleans.Streams;
using OrleansMq.Streaming;

namespace OrleansMq.Streaming
{
    /// <summary>Carries the producer's idempotency token to the provider, in the place that Orleans has for what a producer says of an event.</summary>
    internal sealed class ProducerToken(string token) : StreamSequenceToken
    {
        public string Token => token;

        public override long SequenceNumber { get; protected set; }

        public override int EventIndex { get; protected set; }

        public override int CompareTo(StreamSequenceToken? other) => throw new NotSupportedException("A producer's token has no order.");

        public override bool Equals(StreamSequenceToken? other) => other is ProducerToken mine && mine.Token == token;

        public override bool Equals(object? obj) => obj is StreamSequenceToken other && Equals(other);

        public override int GetHashCode() => token.GetHashCode(StringComparison.Ordinal);
    }
}

namespace Orleans.Streams
{
    public static class OrleansMqStreamExtensions
    {
        /// <summary>
        /// Sends an event with an idempotency token: a second one with it is not stored while the topic remembers it (a million a partition, 10 minutes, by
        /// default). Subscribers find it in <see cref="OrleansMqSequenceToken.IdempotencyToken"/>.
        /// </summary>
        public static Task OnNextAsync<T>(this IAsyncObserver<T> stream, T item, string idempotencyToken)
        {
            ArgumentException.ThrowIfNullOrEmpty(idempotencyToken);
            return stream.OnNextAsync(item, new ProducerToken(idempotencyToken));
        }
    }
}
