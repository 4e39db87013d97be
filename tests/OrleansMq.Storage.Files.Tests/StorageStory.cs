using OrleansMq.Engine.Storage;
using OrleansMq.Simulation.Disk;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>The checker found a promise broken.</summary>
internal sealed class PromiseBrokenException(string message) : Exception(message);

/// <summary>
/// One random life after another of a storage on a simulated disk, with a model beside it of what was acknowledged. Everything follows
/// from the seed.
/// </summary>
internal sealed partial class StorageStory : IAsyncDisposable
{
    private static readonly LogId Main = new(Guid.Parse("aaaaaaaa-0000-0000-0000-000000000001"), 0);
    private static readonly LogId Fleeting = new(Guid.Parse("aaaaaaaa-0000-0000-0000-000000000002"), 7);
    private static readonly LogDefinition Definition = new("orders", new byte[] { 1 });

    private readonly Func<FileStorageOptions, FileStorageOptions> _configure;
    private readonly Random _random;
    private ulong _incarnations;
    private FileStorage? _storage;
    private IPartitionLog? _log;

    // null: a call on it did not end.
    private bool? _fleetingExists = false;

    public StorageStory(int seed, Func<FileStorageOptions, FileStorageOptions>? configure = null)
    {
        _configure = configure ?? (options => options);
        _random = new Random(seed);
        Disk = new SimDisk(seed);
    }

    public SimDisk Disk { get; }

    public int Refusals { get; private set; }

    public int Failures { get; private set; }

    public int Rewritings { get; private set; }

    /// <summary>Lives until the power goes or the steps are done; then the power goes.</summary>
    public async Task Live(int steps)
    {
        try
        {
            await Start();
            for (var n = 0; n < steps; n++)
                await Step();
        }
        catch (SimPowerLossException)
        {
        }
        Disk.Crash(_random.Next());
        _storage = null;
        _log = null;
    }

    public ValueTask DisposeAsync() => _storage?.DisposeAsync() ?? default;

    /// <summary>Opens what survived and compares.</summary>
    public async Task Start()
    {
        if (_storage is null)
            StartProcess();
        await OpenMain();
        await CheckFleeting();
        await CheckDocuments();
    }

    /// <summary>As whoever watches a process does where it can't go on; its page cache stays.</summary>
    private void Restart()
    {
        Disk.Kill();
        StartProcess();
    }

    private void StartProcess()
    {
        _storage = null;
        while (_storage is null)
        {
            try
            {
                _storage = OpenStorage();
            }
            catch (DataFolderException e) when (e.InnerException is Disk.DiskException)
            {
                Failures++;
            }
        }
    }

    private FileStorage OpenStorage() => new(
        _configure(new FileStorageOptions
        {
            Directory = "/data",
            SegmentBytes = 8192,
            FirstReserveBytes = 4096,
            ReserveBytes = 16384,
            OpenSegments = 3,
            DrawIncarnation = () => ++_incarnations,
        }),
        Disk,
        new InlineIo());

    private async Task Step()
    {
        try
        {
            await (_random.Next(23) switch
            {
                < 8 => Append(flush: _random.Next(2) == 0),
                < 10 => Flush(),
                < 11 => Roll(),
                < 13 => Snapshot(),
                < 14 => Trim(),
                < 15 => OpenMain(),
                < 18 => PutDocument(),
                < 19 => DeleteDocument(),
                < 22 => Rewrite(),
                _ => CreateOrDeleteFleeting(),
            });
        }
        catch (LogFullException)
        {
            Refusals++;
        }
        catch (LogFailedException)
        {
            Failures++;
            await OpenMain();
        }
    }

    private async Task CreateOrDeleteFleeting()
    {
        var create = _random.Next(2) == 0;
        _fleetingExists = null;
        if (create)
            await _storage!.CreateLog(Fleeting, Definition);
        else
            await _storage!.DeleteLog(Fleeting);
        _fleetingExists = create;
    }

    private async Task CheckFleeting()
    {
        try
        {
            await using var log = await _storage!.OpenLog(Fleeting);
            Demand(_fleetingExists != false, "a deleted log came back");
            Demand(log.End == 0, "an empty log holds something");
        }
        catch (LogMissingException)
        {
            Demand(_fleetingExists != true, "a created log is gone");
        }
        catch (Exception e) when (e is LogFailedException or LogFullException)
        {
            Failures++;
        }
    }

    private static void Demand(bool holds, string broken)
    {
        if (!holds)
            throw new PromiseBrokenException(broken);
    }
}
