using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Storage.AzureBlobs.Blobs;
using OrleansMq.Storage.AzureBlobs.Documents;
using OrleansMq.Storage.AzureBlobs.Formats;
using OrleansMq.Storage.AzureBlobs.Logs;

namespace OrleansMq.Storage.AzureBlobs;

/// <summary>
/// Logs on append blobs and documents on block blobs of one container. Any number of processes use it at once; each log has one writer, the newest opening.
/// What is acknowledged as durable is in the blob; what is <c>accepted</c> is in this process's memory until the next flush.
/// </summary>
/// <remarks>docs/formats.md lists the blobs; docs/decisions/0020-fencing-append-blobs.md says why an older opening can do no harm.</remarks>
public sealed class BlobStorage : IStorage
{
    private const string FormatLine = "orleansmq blobs ";
    private const int FormatVersion = 1;
    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(30);

    private readonly BlobStorageOptions _options;
    private readonly IBlobs _blobs;
    private readonly Attempts _attempts;
    private readonly BlobNames _names;
    private readonly PageCache _cache;
    private readonly IDisposable? _connections;

    // The newest opening of each log in this process. It is fenced in the container too; here it hears of it at once.
    private readonly ConcurrentDictionary<LogId, BlobLog> _logs = new();

    private BlobStorage(BlobStorageOptions options, IBlobs blobs, IDisposable? connections)
    {
        (_options, _blobs, _connections) = (options, blobs, connections);
        _attempts = new Attempts(options.Time, options.AttemptTimeout, options.RetryFor, options.RetryDelay, options.MaxRetryDelay, options.Jitter);
        _names = new BlobNames(options.Prefix);
        _cache = new PageCache(options.ReadAheadBytes, options.CacheBytes);
        Documents = new BlobDocuments(blobs, _attempts, _names, options.DrawMark);
    }

    /// <summary>Takes the container into use; makes it if it is missing.</summary>
    /// <exception cref="ArgumentException">The options make no sense; the message names which.</exception>
    /// <exception cref="LogFailedException">The service can't be reached or refuses.</exception>
    /// <exception cref="LogDamagedException">The container is of another format.</exception>
    public static async ValueTask<BlobStorage> Start(BlobStorageOptions options)
    {
        var validated = options.Validated();
        var connections = validated.Client is null
            ? new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = validated.Connections, PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
            {
                // Each attempt has its own time.
                Timeout = Timeout.InfiniteTimeSpan,
            }
            : null;
        return await Start(validated, new AzureContainer(ContainerOf(validated, connections)), connections);
    }

    internal static async ValueTask<BlobStorage> Start(BlobStorageOptions options, IBlobs blobs, IDisposable? connections = null)
    {
        var storage = new BlobStorage(options, blobs, connections);
        try
        {
            await storage.CheckFormat();
            return storage;
        }
        catch
        {
            await storage.DisposeAsync();
            throw;
        }
    }

    public IDocuments Documents { get; }

    public bool CanRewrite => true;

    /// <summary>Bytes of log held for readers.</summary>
    internal long CachedBytes => _cache.Bytes;

    /// <summary>One request: the first blob is made when something is appended.</summary>
    public async ValueTask CreateLog(LogId id, LogDefinition definition)
    {
        var first = new LogManifest
        {
            Identity = new LogIdentity(_options.DrawIncarnation(), id.TopicId, id.Partition),
            Definition = definition,
            Opening = _options.DrawMark(),
            Epoch = 0,
            Sequence = 1,
            ClosedAt = 0,
            Segments = [new BlobPiece(0, 0, 0)],
            Snapshots = [],
        };
        var place = PlaceOf(id);
        var present = (await ManifestBlob.Create(place, first)).Current;
        if (present.Definition.TopicName != definition.TopicName)
            throw new InvalidOperationException($"{place} belongs to topic '{present.Definition.TopicName}', not '{definition.TopicName}'.");
    }

    public async ValueTask<IPartitionLog> OpenLog(LogId id)
    {
        var opened = await BlobLog.Open(PlaceOf(id));
        var newest = _logs.AddOrUpdate(id, opened, (_, other) => other.Epoch > opened.Epoch && other.Incarnation == opened.Incarnation ? other : End(other, opened));
        if (newest != opened)
            End(opened, newest);
        return opened;

        BlobLog End(BlobLog older, BlobLog newer)
        {
            older.EndWith(new LogFencedException($"{PlaceOf(id)}: opened again at epoch {newer.Epoch}, above {older.Epoch}."));
            return newer;
        }
    }

    /// <summary>The manifest goes first: without it there is no log. What is left by a deletion that was cut off goes when it is repeated.</summary>
    public async ValueTask DeleteLog(LogId id)
    {
        var place = PlaceOf(id);
        if (_logs.TryRemove(id, out var open))
            open.EndWith(new LogMissingException($"{place} was deleted."));
        await Delete(place.ManifestName);
        var rest = await _attempts.Repeat($"listing {place}", cancel => _blobs.List(_names.Log(id), cancel));
        foreach (var name in rest)
            await Delete(name);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var log in _logs.Values)
            await log.DisposeAsync();
        _logs.Clear();
        _connections?.Dispose();
    }

    private async Task CheckFormat()
    {
        // Whoever starts wants to hear soon that there is nobody.
        var start = _attempts with { RetryFor = TimeSpan.FromTicks(Math.Min(_attempts.RetryFor.Ticks, LongestStart.Ticks)) };
        var seen = await Format(start) ?? await MakeFormat(start);
        var text = Encoding.UTF8.GetString(seen.Bytes.Span).TrimEnd();
        if (!text.StartsWith(FormatLine, StringComparison.Ordinal) || !int.TryParse(text.AsSpan(FormatLine.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var version))
            throw new LogDamagedException($"{_options}: the blob {_names.Format} is none of ours. Give another container or prefix.");
        if (version != FormatVersion)
            throw new LogDamagedException($"{_options}: is of format {version}, and this program knows {FormatVersion}.");
    }

    private Task<BlobContent?> Format(Attempts start) => start.Repeat($"reading {_names.Format} of {_options}", cancel => _blobs.Get(_names.Format, cancel));

    private async Task<BlobContent> MakeFormat(Attempts start)
    {
        await start.Repeat($"making the container of {_options}", async cancel =>
        {
            await _blobs.MakeContainer(cancel);
            return true;
        });
        var line = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{FormatLine}{FormatVersion}\n"));
        var attempt = start.Begin($"writing {_names.Format} of {_options}");
        while (true)
        {
            try
            {
                return new BlobContent(line, await attempt.Try(cancel => _blobs.Put(_names.Format, line, null, cancel)));
            }
            catch (BlobFault fault) when (fault.Kind == BlobFaultKind.Refused)
            {
                throw attempt.Refused(fault);
            }
            catch (BlobFault fault)
            {
                // Perhaps another process made it, or an attempt of ours that had no answer.
                if (await Format(start) is { } made)
                    return made;
                await attempt.Wait(fault);
            }
        }
    }

    private Task<bool> Delete(string name) => _attempts.Repeat($"removing {name}", async cancel =>
    {
        await _blobs.Delete(name, cancel);
        return true;
    });

    private LogPlace PlaceOf(LogId id) => new(id, _blobs, _attempts, _names, _cache, _options, log => _logs.TryRemove(new KeyValuePair<LogId, BlobLog>(log.Id, log)));

    /// <summary>Without the SDK's own retries: it does not know which of ours may be repeated.</summary>
    private static BlobContainerClient ContainerOf(BlobStorageOptions options, HttpClient? connections)
    {
        if (options.Client is { } client)
            return client.GetBlobContainerClient(options.Container);
        var told = new BlobClientOptions { Transport = new HttpClientTransport(connections!) };
        told.Retry.MaxRetries = 0;
        told.Retry.NetworkTimeout = options.AttemptTimeout;
        told.Diagnostics.IsDistributedTracingEnabled = false;
        if (options.ConnectionString is { } connection)
            return new BlobContainerClient(connection, options.Container, told);
        return options.Credential is { } credential
            ? new BlobContainerClient(options.ContainerUri, credential, told)
            : new BlobContainerClient(options.ContainerUri, told);
    }
}
