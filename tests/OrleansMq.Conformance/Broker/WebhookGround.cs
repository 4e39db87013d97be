using System.Collections.Concurrent;
using OrleansMq.Webhooks;

namespace OrleansMq.Conformance.Broker;

/// <summary>What nodes that push share: registered webhooks, in memory, and the operator's file, by which a receiver on this machine may be called.</summary>
public sealed class WebhookGround : IWebhookStore, IDisposable
{
    public const string Here = """{"api":{"allowHttp":true,"networks":["127.0.0.0/8"]}}""";

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("webhooks-");
    private StoredWebhooks? _stored;

    public WebhookGround(string file = Here) => Say(file);

    public string File => Path.Combine(_folder.FullName, "webhooks.json");

    /// <summary>What operators were told.</summary>
    public ConcurrentQueue<string> Said { get; } = new();

    /// <summary>Is done before the next write, once: as when another is faster.</summary>
    public Func<Task>? Before { get; set; }

    /// <summary>What is stored now, as text.</summary>
    public string Stored
    {
        get => _stored is null ? "" : System.Text.Encoding.UTF8.GetString(_stored.Bytes.Span);
        set => _stored = new StoredWebhooks(System.Text.Encoding.UTF8.GetBytes(value), (_stored?.Version ?? 0) + 1);
    }

    public void Say(string file) => System.IO.File.WriteAllText(File, file);

    public ValueTask<WebhookDesk> Desk(IBroker broker, string node = "here") =>
        WebhookDesk.Start(broker, new WebhookSources { File = File, Store = this, Node = node }, Said.Enqueue);

    public ValueTask<StoredWebhooks?> Load(CancellationToken cancel = default) => ValueTask.FromResult(_stored);

    public async ValueTask<long?> Save(ReadOnlyMemory<byte> bytes, long expectedVersion, CancellationToken cancel = default)
    {
        if (Before is { } before)
        {
            Before = null;
            await before();
        }
        if ((_stored?.Version ?? 0) != expectedVersion)
            return null;
        _stored = new StoredWebhooks(bytes, expectedVersion + 1);
        return _stored.Version;
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
