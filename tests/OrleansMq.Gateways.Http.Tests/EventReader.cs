using System.Net;
using System.Text.Json;

namespace OrleansMq.Gateways.Http.Tests;

/// <summary>Reads an event stream as the HTML standard says, line by line.</summary>
internal sealed class EventReader(HttpResponseMessage response, StreamReader lines) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public HttpResponseMessage Response => response;

    public static async Task<EventReader> Open(HttpClient client, string path)
    {
        var response = await client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (response.StatusCode, response.Content.Headers.ContentType?.MediaType));
        return new EventReader(response, new StreamReader(await response.Content.ReadAsStreamAsync()));
    }

    /// <summary>The next event. Comments and the time for reconnecting are passed over.</summary>
    public Task<ServerEvent> Next() => InTime(async () =>
    {
        while (true)
            if ((await Block() ?? throw new EndOfStreamException()) is { Data: not null } found)
                return found;
    });

    /// <summary>Passes over nothing: the next comment, before which there was no event.</summary>
    public Task Quiet() => InTime(async () =>
    {
        while (true)
        {
            var block = await Block() ?? throw new EndOfStreamException();
            Assert.Null(block.Data);
            if (block.IsComment)
                return true;
        }
    });

    /// <summary>Reads until the stream ends, without an event.</summary>
    public Task End() => InTime(async () =>
    {
        while (await Block() is { } block)
            Assert.Null(block.Data);
        return true;
    });

    public void Dispose()
    {
        lines.Dispose();
        response.Dispose();
    }

    // As a whole: comments keep coming where nothing else does.
    private static Task<T> InTime<T>(Func<Task<T>> read) => read().WaitAsync(Patience);

    /// <summary>Up to an empty line; null at the end of the stream.</summary>
    private async Task<ServerEvent?> Block()
    {
        var block = new ServerEvent("message", null, null, false);
        while (await lines.ReadLineAsync() is { } line)
        {
            if (line.Length == 0)
                return block;
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            var value = line[(colon + 1)..].TrimStart(' ');
            block = line[..colon] switch
            {
                "" => block with { IsComment = true },
                "event" => block with { Type = value },
                "id" => block with { Id = value },
                "data" => block with { Data = block.Data is null ? value : $"{block.Data}\n{value}" },
                "retry" => block,
                var field => throw new InvalidDataException(field),
            };
        }

        return null;
    }
}

internal sealed record ServerEvent(string Type, string? Id, string? Data, bool IsComment)
{
    public JsonElement Json => JsonDocument.Parse(Data!).RootElement;

    public string Body => Json.GetProperty("body").GetString()!;
}
