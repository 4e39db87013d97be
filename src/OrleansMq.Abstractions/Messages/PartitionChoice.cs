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

    private static int OfToken(string token, int partitions)
    {
        Span<byte> utf8 = stackalloc byte[MessageCodec.MaxTokenBytes];
        return Encoding.UTF8.TryGetBytes(token, utf8, out var written)
            ? Murmur2.PartitionFor(utf8[..written], partitions)
            : Murmur2.PartitionFor(Encoding.UTF8.GetBytes(token), partitions);
    }
}
