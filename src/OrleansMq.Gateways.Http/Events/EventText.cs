using System.Buffers;
using System.Text;
using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>Events as the text of a stream (HTML, "Server-sent events", section 9.2.5).</summary>
internal static class EventText
{
    public const string MediaType = "text/event-stream";

    /// <summary>A comment: says that the stream lives, and is no event.</summary>
    public static ReadOnlyMemory<byte> KeepAlive { get; } = ":\n\n"u8.ToArray();

    /// <summary>An event of the default type, <c>message</c>: its id is the lease, its data the message as <c>receive</c> gives it.</summary>
    public static ReadOnlyMemory<byte> Of(Delivery delivery)
    {
        var json = new ArrayBufferWriter<byte>(delivery.Body.Length + 512);
        JsonForm.Write(json, writer => StoredMessageJson.Write(writer, delivery));
        return Of($"id: {delivery.Lease}\n", json.WrittenSpan);
    }

    /// <summary>An event of the type <c>problem</c>: a problem document. Nothing comes behind it.</summary>
    public static ReadOnlyMemory<byte> Of(MqError problem)
    {
        var http = HttpErrors.Of(problem.Code);
        var json = new ArrayBufferWriter<byte>(512);
        JsonForm.Write(json, writer => ErrorJson.WriteProblem(writer, http.Status, http.Title, problem));
        return Of("event: problem\n", json.WrittenSpan);
    }

    public static ReadOnlyMemory<byte> Retry(TimeSpan after) => Encoding.UTF8.GetBytes($"retry: {(long)Math.Ceiling(after.TotalMilliseconds)}\n\n");

    private static ReadOnlyMemory<byte> Of(string head, ReadOnlySpan<byte> data)
    {
        var text = new ArrayBufferWriter<byte>(head.Length + data.Length + 16);
        Encoding.UTF8.GetBytes(head, text);
        // A body that was sent as JSON may have line breaks between its tokens; each line is a field of its own, and readers join them again.
        while (true)
        {
            var end = data.IndexOfAny((byte)'\r', (byte)'\n');
            text.Write("data: "u8);
            text.Write(end < 0 ? data : data[..end]);
            text.Write("\n"u8);
            if (end < 0)
                break;
            data = data[(end + 1)..];
        }

        text.Write("\n"u8);
        return text.WrittenMemory;
    }
}
