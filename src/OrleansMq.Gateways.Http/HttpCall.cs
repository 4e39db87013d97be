using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using OrleansMq.Access;
using OrleansMq.Json;

namespace OrleansMq.Gateways.Http;

/// <summary>One request on its way through the gateway: what it says, read with all checks, and how it is answered.</summary>
internal sealed class HttpCall(HttpContext http, HttpRoute route, string[] values, HttpGatewayOptions options, IBroker broker, EventStreams streams, CancellationToken stopping)
{
    private const int PieceBytes = 16 << 10;

    private const string Json = "application/json";
    private const string Octets = "application/octet-stream";

    /// <summary>The broker as whoever asks may use it.</summary>
    public IBroker Broker { get; set; } = broker;

    /// <summary>Who asks; null where nobody is asked.</summary>
    public Principal? Who { get; set; }

    public HttpGatewayOptions Options => options;
    public EventStreams Streams => streams;
    public HttpRoute Route => route;

    /// <summary>The body, read and bounded.</summary>
    public ReadOnlyMemory<byte> Body { get; set; }

    /// <summary>The client is gone.</summary>
    public CancellationToken Cancel => http.RequestAborted;

    /// <summary>Messages that came in or went out with this call.</summary>
    public long Messages { get; set; }

    public long BytesOut { get; private set; }

    /// <summary>Of the bytes that went out, those that the quotas know already.</summary>
    public long BytesCharged { get; private set; }

    public bool IsHead => HttpMethods.IsHead(http.Request.Method);

    /// <summary>The client has seen a status: what goes wrong can't be told by another.</summary>
    public bool HasBegun => http.Response.HasStarted;

    public TopicName Topic => new(Value("topic"));

    public GroupName Group => new(Value("group"));

    public StreamedGroup Streamed => new(Who is null ? null : options.Security.Access!.Quotas.TenantOf(Who), Topic, Group);

    public ExchangeName Exchange => new(Value("exchange"));

    public string User => Value("user");

    /// <summary>A name that may hold anything. The framework leaves an escaped slash as it stands in the address.</summary>
    public string Id => Value("id").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    public int Partition => int.TryParse(Value("partition"), NumberStyles.None, CultureInfo.InvariantCulture, out var partition)
        ? partition
        : throw new MqException(ErrorCodes.Malformed, $"'{Shorten(Value("partition"))}' is no partition: a whole number from 0.");

    /// <summary>Who sends where the request does not say: its address, so that a producer's rate holds for one that gives no name.</summary>
    public string Client => Text("client", QueueJson.MaxNameChars) ?? http.Connection.RemoteIpAddress?.ToString() ?? "";

    public Acks? Acks => Word("acks", Words.Acks);

    public T Read<T>(Func<JsonSpot, T> read) => JsonForm.ReadRequest(Body.IsEmpty && route.Body == BodyKind.OptionalJson ? "{}"u8.ToArray() : Body, read);

    public string? Query(string name) => http.Request.Query.TryGetValue(name, out var values) ? values[0] ?? "" : null;

    public string? Text(string name, int maxChars) => Query(name) is not { } text || text.Length <= maxChars ? Query(name) : throw Wrong(name, $"longer than {maxChars} characters");

    public long? Int64(string name, long min, long max = long.MaxValue) => Query(name) is not { } text
        ? null
        : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max
            ? number
            : throw Wrong(name, string.Create(CultureInfo.InvariantCulture, $"'{Shorten(text)}', not a whole number from {min} to {max}"));

    /// <summary>How many items the page that is asked for may have.</summary>
    public int PageMax => Int32("max", 1, PageSize.Max) ?? 100;

    public int? Int32(string name, int min, int max = int.MaxValue) => (int?)Int64(name, min, max);

    public bool Flag(string name) => Query(name) switch
    {
        null or "false" => false,
        "true" => true,
        var text => throw Wrong(name, $"'{Shorten(text)}', not true or false"),
    };

    public TimeSpan? Milliseconds(string name, long max) => Int64(name, 0, max) is { } ms ? TimeSpan.FromMilliseconds(ms) : null;

    public T? Word<T>(string name, WordList<T> words) where T : struct, Enum => Query(name) is not { } text
        ? null
        : words.TryRead(text, out var value) ? value : throw Wrong(name, $"'{Shorten(text)}', none of {words}");

    /// <summary>Words with commas between them.</summary>
    public IReadOnlyList<T>? WordsOf<T>(string name, WordList<T> words) where T : struct, Enum => Query(name) is not { Length: > 0 } text
        ? null
        : [.. text.Split(',').Select(word => words.TryRead(word, out var value) ? value : throw Wrong(name, $"'{Shorten(text)}', not only of {words}"))];

    /// <summary>An offset, a time, <c>earliest</c> or <c>latest</c>.</summary>
    public StartAt? Start(string name)
    {
        if (Query(name) is not { } text)
            return null;
        // A plus sign in an address stands for a space unless it is escaped; +02:00 seldom is.
        if (TimeText.TryParseStart(text.Replace(' ', '+'), out var start))
            return start;
        throw Wrong(name, $"'{Shorten(text)}', neither an offset, 'earliest', 'latest' nor an RFC 3339 time");
    }

    public static MqException Absent(string name) => new(ErrorCodes.Malformed, $"The query parameter '{name}' is missing.");

    /// <summary>Ends when the client goes, and when the gateway stops: for calls that wait and change nothing by it.</summary>
    public CancellationTokenSource Waiting() => CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);

    public void SetHeader(string name, long value) => http.Response.Headers[name] = value.ToString(CultureInfo.InvariantCulture);

    public void SetHeader(string name, params string[] values) => http.Response.Headers[name] = values;

    public ValueTask Answer(Action<Utf8JsonWriter> write, int status = StatusCodes.Status200OK) => Answer(status, Json, write);

    /// <summary>Done, and nothing to say.</summary>
    public ValueTask AnswerEmpty() => Answer(writer =>
    {
        writer.WriteStartObject();
        writer.WriteEndObject();
    });

    public void AnswerNoContent() => http.Response.StatusCode = StatusCodes.Status204NoContent;

    public ValueTask Answer(int status, string contentType, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        JsonForm.Write(buffer, write);
        return Answer(status, contentType, buffer.WrittenMemory);
    }

    public ValueTask AnswerOctets(ReadOnlyMemory<byte> bytes) => Answer(StatusCodes.Status200OK, Octets, bytes);

    public async ValueTask Answer(int status, string contentType, params ReadOnlyMemory<byte>[] pieces)
    {
        var length = pieces.Sum(piece => (long)piece.Length);
        http.Response.StatusCode = status;
        http.Response.ContentType = contentType;
        http.Response.ContentLength = length;
        BytesOut += length;
        if (IsHead)
            return;
        foreach (var piece in pieces)
            await http.Response.BodyWriter.WriteAsync(piece, http.RequestAborted);
    }

    /// <summary>Goes on with an answer that has no length, or begins it; done when a client that reads has taken nearly all of it.</summary>
    /// <param name="end">Waits no more for the client, and cuts the answer off where it does not read.</param>
    /// <exception cref="TimeoutException">The client has not taken a piece of 16 KiB in time.</exception>
    public async ValueTask Send(string contentType, ReadOnlyMemory<byte> bytes, TimeSpan stall, CancellationToken end)
    {
        if (!HasBegun)
        {
            http.Response.ContentType = contentType;
            SetHeader("Cache-Control", "no-store");
            SetHeader("X-Accel-Buffering", "no"); // nginx would gather it
        }

        for (var sent = 0; sent < bytes.Length; sent += PieceBytes)
        {
            var piece = bytes.Slice(sent, Math.Min(PieceBytes, bytes.Length - sent));
            BytesOut += piece.Length;
            try
            {
                await http.Response.BodyWriter.WriteAsync(piece, http.RequestAborted).AsTask().WaitAsync(stall, end);
            }
            catch (OperationCanceledException) when (end.IsCancellationRequested)
            {
                http.Abort();
                throw;
            }
        }
    }

    /// <summary>Charges what has gone out so far, of an answer that goes on.</summary>
    /// <returns>How long whoever asks has to wait by their quotas before more goes out.</returns>
    public TimeSpan ChargeBytes()
    {
        var fresh = BytesOut - BytesCharged;
        BytesCharged = BytesOut;
        return Who is null ? TimeSpan.Zero : options.Security.Access!.Quotas.Charge(Who, fresh);
    }

    private string Value(string parameter) => values[route.Parameters.TakeWhile(name => name != parameter).Count()];

    private static MqException Wrong(string name, string what) => new(ErrorCodes.Malformed, $"The query parameter '{name}' is {what}.");

    private static string Shorten(string text) => text.Length <= 60 ? text : text[..60] + "…";
}
