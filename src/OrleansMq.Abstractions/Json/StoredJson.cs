using System.Buffers;
using System.Text;

namespace OrleansMq.Json;

/// <summary>A message that its producer keeps in a store of its own until it is sent: JSON as HTTP v1 sends it, so that whoever looks for a lost one can read it.</summary>
internal static class StoredJson
{
    public static string Write(Message message)
    {
        var bytes = new ArrayBufferWriter<byte>();
        JsonForm.Write(bytes, writer => MessageJson.Write(writer, message));
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <param name="place">Where it lies, for the message of an exception.</param>
    /// <param name="inOrder">What is behind it may not pass it: so in an outbox's lane and in a spool. A ledger goes on with the others.</param>
    /// <exception cref="InvalidOperationException">It is no message: somebody else has written there.</exception>
    public static Message Read(string json, string place, bool inOrder = false)
    {
        try
        {
            return JsonForm.ReadAnswer(Encoding.UTF8.GetBytes(json), MessageJson.Read);
        }
        catch (MqException e)
        {
            throw new InvalidOperationException($"{place} holds no message as it was written there: {e.Message} Mend it or remove it{(inOrder ? "; what is behind it waits until then" : "")}.", e);
        }
    }

    /// <summary>The message with what must not be left to the moment of a later sending: its token and its time.</summary>
    /// <exception cref="MqException">The message contradicts itself: refused before anything is written.</exception>
    public static Message Fixed(Message message, TimeProvider time)
    {
        if (message.Half is not null)
            throw new MqException(ErrorCodes.Malformed, "A half message waits at the broker for its producer's decision; this one is kept by the producer and sent later. Send it without Half.");
        MessageCodec.Validate(message);
        return message with { Token = message.Token ?? Guid.NewGuid().ToString("N"), Timestamp = message.Timestamp ?? time.GetUtcNow() };
    }
}
