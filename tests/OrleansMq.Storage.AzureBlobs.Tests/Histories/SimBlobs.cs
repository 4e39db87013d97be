using System.Globalization;
using Azure;
using OrleansMq.Storage.AzureBlobs.Blobs;

namespace OrleansMq.Storage.AzureBlobs.Tests.Histories;

/// <summary>
/// A container in memory on a clock that is moved, for histories that come out the same for the same seed. A request takes its time to arrive and to be answered; its
/// caller may give up meanwhile, and then it is carried out all the same. It keeps to the rules of the service that the storage relies on, and to no others; Azurite is
/// there for the rest.
/// </summary>
internal sealed class SimBlobs(TimeProvider time, Random random) : IBlobs
{
    private sealed class Stored
    {
        public byte[] Bytes = [];
        public ETag ETag;
        public int Blocks;
        public int Epoch;
    }

    private readonly SortedDictionary<string, Stored> _blobs = new(StringComparer.Ordinal);
    private int _versions;

    /// <summary>Of requests: how many are late, lost before or after they were carried out, or answered with an error.</summary>
    public double Faults { get; set; }

    /// <summary>The longest that a late request takes to arrive.</summary>
    public TimeSpan Latest { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Planted: an append is carried out whatever its ETag says.</summary>
    public bool IgnoresETagOfAppends { get; set; }

    /// <summary>Planted: an append is carried out wherever the blob ends.</summary>
    public bool IgnoresOffsetOfAppends { get; set; }

    public IReadOnlyList<string> Names => [.. _blobs.Keys];

    public Task<BlobContent?> Get(string name, CancellationToken cancel) =>
        Ask(() => _blobs.TryGetValue(name, out var blob) ? new BlobContent(blob.Bytes.ToArray(), blob.ETag) : null, cancel);

    public Task Read(string name, long offset, Memory<byte> destination, CancellationToken cancel) => Ask(() =>
    {
        var bytes = Existing(name).Bytes;
        if (offset + destination.Length > bytes.Length)
            throw new BlobFault(BlobFaultKind.Refused, "416");
        bytes.AsSpan((int)offset, destination.Length).CopyTo(destination.Span);
        return true;
    }, cancel);

    public Task<BlobFacts?> Look(string name, CancellationToken cancel) =>
        Ask(() => _blobs.TryGetValue(name, out var blob) ? new BlobFacts(blob.ETag, blob.Bytes.Length, blob.Blocks, blob.Epoch) : null, cancel);

    public Task<ETag> Put(string name, ReadOnlyMemory<byte> content, ETag? replaces, CancellationToken cancel)
    {
        var bytes = content.ToArray();
        return Ask(() =>
        {
            var present = _blobs.GetValueOrDefault(name);
            Require(present?.ETag == replaces);
            _blobs[name] = new Stored { Bytes = bytes, ETag = NextETag() };
            return _blobs[name].ETag;
        }, cancel);
    }

    public Task<ETag> CreateAppendBlob(string name, int epoch, CancellationToken cancel) => Ask(() =>
    {
        Require(!_blobs.ContainsKey(name));
        _blobs[name] = new Stored { ETag = NextETag(), Epoch = epoch };
        return _blobs[name].ETag;
    }, cancel);

    public Task<ETag> Append(string name, ReadOnlyMemory<byte> block, long offset, ETag seen, CancellationToken cancel)
    {
        var bytes = block.ToArray();
        return Ask(() =>
        {
            var blob = Existing(name);
            Require(IgnoresETagOfAppends || blob.ETag == seen);
            Require(IgnoresOffsetOfAppends || blob.Bytes.Length == offset);
            blob.Bytes = [.. blob.Bytes, .. bytes];
            blob.Blocks++;
            return blob.ETag = NextETag();
        }, cancel);
    }

    public Task<ETag> TakeOver(string name, int epoch, ETag seen, CancellationToken cancel) => Ask(() =>
    {
        var blob = Existing(name);
        Require(blob.ETag == seen);
        blob.Epoch = epoch;
        return blob.ETag = NextETag();
    }, cancel);

    public Task Delete(string name, CancellationToken cancel) => Ask(() => _blobs.Remove(name), cancel);

    public Task<IReadOnlyList<string>> List(string prefix, CancellationToken cancel) =>
        Ask<IReadOnlyList<string>>(() => [.. _blobs.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))], cancel);

    public Task MakeContainer(CancellationToken cancel) => Ask(() => true, cancel);

    private async Task<T> Ask<T>(Func<T> carryOut, CancellationToken cancel)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Answer(answer, carryOut);
        try
        {
            return await answer.Task.WaitAsync(cancel);
        }
        catch (OperationCanceledException)
        {
            throw new BlobFault(BlobFaultKind.Unsure, "no answer in time");
        }
    }

    /// <summary>What happens to the request, whether its caller still waits or not.</summary>
    private async void Answer<T>(TaskCompletionSource<T> answer, Func<T> carryOut)
    {
        var fault = random.NextDouble() < Faults ? random.Next(5) : -1;
        var arrives = fault == 0 ? random.NextDouble() * Latest : TimeSpan.FromMilliseconds(1 + random.Next(9));
        await Task.Delay(arrives, time);
        switch (fault)
        {
            case 1:
                answer.TrySetException(new BlobFault(BlobFaultKind.Unsure, "500 before"));
                return;
            case 2:
                return;
        }
        try
        {
            var result = carryOut();
            if (fault == 3)
                answer.TrySetException(new BlobFault(BlobFaultKind.Unsure, "500 after"));
            else if (fault != 4)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(1 + random.Next(9)), time);
                answer.TrySetResult(result);
            }
        }
        catch (BlobFault refusal)
        {
            answer.TrySetException(refusal);
        }
    }

    private Stored Existing(string name) => _blobs.GetValueOrDefault(name) ?? throw new BlobFault(BlobFaultKind.Missing, $"404 {name}");

    private static void Require(bool holds)
    {
        if (!holds)
            throw new BlobFault(BlobFaultKind.ConditionNotMet, "412");
    }

    private ETag NextETag() => new(string.Create(CultureInfo.InvariantCulture, $"0x{++_versions:x}"));
}
