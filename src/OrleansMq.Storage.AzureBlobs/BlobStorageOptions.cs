using System.Security.Cryptography;
using Azure.Core;
using Azure.Storage.Blobs;

namespace OrleansMq.Storage.AzureBlobs;

/// <summary>How logs and documents are kept in a container of Azure Blob Storage. One of the three ways to reach it must be given.</summary>
/// <remarks>Printed without secrets: <see cref="ToString"/> says where, never with which key.</remarks>
public sealed record BlobStorageOptions
{
    /// <summary>What Azure allows in one append block of an append blob.</summary>
    public const int MaxAppendBytes = 100 << 20;

    /// <summary>What Azure allows in blocks of one append blob.</summary>
    public const int MostBlocks = 50_000;

    /// <summary>A storage account's connection string, as the portal shows it.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>The container's address: with a SAS in its query, or with <see cref="Credential"/>. <see cref="Container"/> is not used then.</summary>
    public Uri? ContainerUri { get; init; }

    /// <summary>Who we are, for <see cref="ContainerUri"/>; for example a managed identity.</summary>
    public TokenCredential? Credential { get; init; }

    /// <summary>
    /// A client of your own. What it repeats by itself is within one attempt of ours and does no harm, only time: a client with retries switched off fails over sooner.
    /// </summary>
    public BlobServiceClient? Client { get; init; }

    /// <summary>The container; made if it is missing and we may. Default <c>orleansmq</c>.</summary>
    public string Container { get; init; } = "orleansmq";

    /// <summary>What every blob's name begins with, so that several brokers share a container; default nothing. Ends with <c>/</c> by itself.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>
    /// The longest block in bytes that is appended with one request; default 4 MiB, what every version of the service takes; 4 KiB to 100 MiB. What gathers while a
    /// request is under way goes out in one, up to this size; one append that is longer is cut into blocks.
    /// </summary>
    public int AppendBytes { get; init; } = 4 << 20;

    /// <summary>Blocks after which a log goes on in a new blob; default and most 50,000, which is Azure's limit.</summary>
    public int BlobBlocks { get; init; } = MostBlocks;

    /// <summary>
    /// Bytes after which a log goes on in a new blob; default 256 MiB, at least 4 KiB. Retention deletes whole blobs, and a new blob costs two requests.
    /// </summary>
    public long BlobBytes { get; init; } = 256L << 20;

    /// <summary>
    /// Bytes that a partition holds in memory for appends that ask for <c>accepted</c> alone; default 4 MiB. Beyond it such an append waits for the blob like any other.
    /// </summary>
    public long AcceptedBytes { get; init; } = 4L << 20;

    /// <summary>How much is read at once, in bytes; default 512 KiB, 4 KiB to 16 MiB. A reader who goes on gets the next such piece fetched ahead.</summary>
    public int ReadAheadBytes { get; init; } = 512 << 10;

    /// <summary>
    /// Bytes of log held for readers over all partitions; default 64 MiB, at least one piece of <see cref="ReadAheadBytes"/>. What is appended goes in too, so that a reader who keeps up costs no request.
    /// </summary>
    public long CacheBytes { get; init; } = 64L << 20;

    /// <summary>Connections to the service; default 64. Not used with <see cref="Client"/>.</summary>
    public int Connections { get; init; } = 64;

    /// <summary>How long one request may take; default 30 s.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a request is tried again when its outcome is not known; default 60 s. Then the opening is over. Longer bridges a longer outage, shorter lets another silo try sooner.
    /// </summary>
    public TimeSpan RetryFor { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Before the second attempt; default 50 ms. Doubles each time, up to <see cref="MaxRetryDelay"/>.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest wait between attempts; default 2 s.</summary>
    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Told what was found and put right. Default: nobody.</summary>
    public Action<string>? OnNotice { get; init; }

    /// <summary>The clock of time-outs and waits.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Draws a new log's incarnation; default random.</summary>
    public Func<ulong> DrawIncarnation { get; init; } = () => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));

    /// <summary>Draws what tells one opening's writes, and one document's writes, from another's.</summary>
    internal Func<Guid> DrawMark { get; init; } = Guid.NewGuid;

    /// <summary>0 to 1: how much of a wait is chance.</summary>
    internal Func<double> Jitter { get; init; } = Random.Shared.NextDouble;

    /// <summary>Where, without keys.</summary>
    public override string ToString() => $"blobs at {Place()}";

    private string Place()
    {
        try
        {
            var address = Client is not null ? Client.Uri : ContainerUri ?? new BlobServiceClient(ConnectionString).Uri;
            // A SAS stands in the query.
            var where = address.GetLeftPart(UriPartial.Path).TrimEnd('/');
            return (ContainerUri is null ? $"{where}/{Container}" : where) + (Prefix.Length > 0 ? $"/{Prefix}" : "");
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            return "an address that can't be read";
        }
    }

    /// <exception cref="ArgumentException">Settings that contradict each other or make no sense; both are named, and no key is.</exception>
    internal BlobStorageOptions Validated()
    {
        var ways = (ConnectionString is not null ? 1 : 0) + (ContainerUri is not null ? 1 : 0) + (Client is not null ? 1 : 0);
        Require(ways == 1, $"give one of {nameof(ConnectionString)}, {nameof(ContainerUri)} and {nameof(Client)}");
        Require(Credential is null || ContainerUri is not null, $"{nameof(Credential)} is for {nameof(ContainerUri)}, which is not given");
        Require(ContainerUri is null || ContainerUri is { IsAbsoluteUri: true, Scheme: "https" or "http" }, $"{nameof(ContainerUri)} must be an address that begins with https");
        Require(Credential is null || ContainerUri!.Scheme == "https", $"{nameof(Credential)} is sent over https alone; {nameof(ContainerUri)} is not");
        Require(ConnectionString is null || CanBeRead(ConnectionString), $"{nameof(ConnectionString)} can't be read (its text is not shown)");
        Require(ContainerUri is not null || IsContainerName(Container), $"{nameof(Container)} '{Container}' must be 3 to 63 of a-z, 0-9 and single dashes between them");
        Require(IsPrefix(Prefix), $"{nameof(Prefix)} '{Prefix}' must be at most 100 of A-Z, a-z, 0-9, - _ and single / between them");
        Require(AppendBytes is >= 4096 and <= MaxAppendBytes, $"{nameof(AppendBytes)} ({AppendBytes}) must be 4096 to {MaxAppendBytes}");
        Require(BlobBlocks is >= 1 and <= MostBlocks, $"{nameof(BlobBlocks)} ({BlobBlocks}) must be 1 to {MostBlocks}");
        Require(BlobBytes >= 4096, $"{nameof(BlobBytes)} ({BlobBytes}) must be at least 4096");
        Require(AcceptedBytes >= 0, $"{nameof(AcceptedBytes)} ({AcceptedBytes}) must not be negative");
        Require(ReadAheadBytes is >= 4096 and <= 16 << 20, $"{nameof(ReadAheadBytes)} ({ReadAheadBytes}) must be 4096 to {16 << 20}");
        Require(CacheBytes >= ReadAheadBytes, $"{nameof(CacheBytes)} ({CacheBytes}) must not be below {nameof(ReadAheadBytes)} ({ReadAheadBytes})");
        Require(Connections is >= 1 and <= 10_000, $"{nameof(Connections)} ({Connections}) must be 1 to 10000");
        Require(AttemptTimeout > TimeSpan.Zero && AttemptTimeout <= TimeSpan.FromHours(1), $"{nameof(AttemptTimeout)} ({AttemptTimeout}) must be above 0 and at most an hour");
        Require(RetryFor >= TimeSpan.Zero, $"{nameof(RetryFor)} ({RetryFor}) must not be negative");
        Require(RetryDelay > TimeSpan.Zero, $"{nameof(RetryDelay)} ({RetryDelay}) must be above 0");
        Require(MaxRetryDelay >= RetryDelay && MaxRetryDelay <= TimeSpan.FromMinutes(10), $"{nameof(MaxRetryDelay)} ({MaxRetryDelay}) must not be below {nameof(RetryDelay)} ({RetryDelay}), and at most ten minutes");
        return this;
    }

    private static bool CanBeRead(string connection)
    {
        try
        {
            return new BlobServiceClient(connection).Uri.IsAbsoluteUri;
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            return false;
        }
    }

    private static bool IsContainerName(string name) =>
        name.Length is >= 3 and <= 63 && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-')
        && name[0] != '-' && name[^1] != '-' && !name.Contains("--", StringComparison.Ordinal);

    private static bool IsPrefix(string prefix) =>
        prefix.Length <= 100 && prefix.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '/')
        && !prefix.StartsWith('/') && !prefix.Contains("//", StringComparison.Ordinal);

    private static void Require(bool holds, string message)
    {
        if (!holds)
            throw new ArgumentException($"Blob storage: {message}.");
    }
}
