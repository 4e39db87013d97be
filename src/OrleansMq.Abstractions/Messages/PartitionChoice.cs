using System.Text;
using OrleansMq.Records;

namespace OrleansMq;

/// <summary>Which partition a message goes to: the one it names, else by key, else by token, else in turn.</summary>
public static class PartitionChoice
{
    /// <summary>By key as Kafka's clients do (murmur2). A token without a key chooses too, so that a resend meets its first.</summary>
    /// <param name="partitions">How many the topic has.</param>
    /// <param name="turn">The sender's counter; moves on where it is used.</param>
    /// <exception cref="MqException"><see cref="ErrorCodes.PartitionUnknown"/>: the message names one that the topic has not.</exception>
    public static int Of(Message message, int partitions, ref uint turn)
    {
        if (message.Partition is { } named)
            return named >= 0 && named < partitions ? named : throw new MqException(ErrorCodes.PartitionUnknown,
                $"There is no partition {named}: the topic has 0 to {partitions - 1}.");
        if (partitions == 1)
            return 0;
        if (message.Key is { } key)
            return Murmur2.PartitionFor(key.Span, partitions);
        if (message.Token is { } token)
            return OfToken(token, partitions);
        return (int)(turn++ % (uint)partitions);
    }

    /// <summary>Whether a key or a token chooses, so that the same one always leads to the same partition.</summary>
    public static bool IsByHash(Message message) => message.Partition is null && (message.Key is not null || message.Token is not null);

    /// <summary>The same choice for a record that was made of a message by which <see cref="IsByHash"/> holds.</summary>
    internal static int Of(RecordView record, int partitions)
    {
        if (record.HasKey)
            return Murmur2.PartitionFor(record.Key.Span, partitions);
        return record.Headers.TryGetLast(ReservedHeaders.TokenUtf8, out var token)
            ? Murmur2.PartitionFor(token.Value.Span, partitions)
            : throw new InvalidOperationException("A record without key and token was chosen by neither.");
    }

    private static int OfToken(string token, int partitions)
    {
        Span<byte> utf8 = stackalloc byte[MessageCodec.MaxTokenBytes];
        return Encoding.UTF8.TryGetBytes(token, utf8, out var written)
            ? Murmur2.PartitionFor(utf8[..written], partitions)
            : Murmur2.PartitionFor(Encoding.UTF8.GetBytes(token), partitions);
    }
}
