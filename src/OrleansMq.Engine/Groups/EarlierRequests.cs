namespace OrleansMq.Engine.Groups;

/// <summary>
/// Which requests for messages had leases when this process took the group up: the leases name them. Asked of each partition once, when the first request with
/// an id comes; what is granted afterwards is remembered by the dispatcher.
/// </summary>
internal sealed class EarlierRequests(GroupName group, int partitions, TimeProvider time, Func<int, ValueTask<IGroupPartition>> open)
{
    /// <summary>A partition that was silent is left alone for so long: each request waits for who is asked.</summary>
    public static readonly TimeSpan SilentFor = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _gate = new(1);
    private readonly bool[] _asked = new bool[partitions];
    private readonly long?[] _silentSince = new long?[partitions];
    private readonly Dictionary<string, List<int>> _byHolder = new(StringComparer.Ordinal);
    private int _left = partitions;

    /// <summary>The partitions in which the holder had leases, as far as they said so yet, until <see cref="Forget"/>.</summary>
    public async ValueTask<IReadOnlyList<int>> Find(string holder)
    {
        if (Volatile.Read(ref _left) == 0 && _byHolder.Count == 0)
            return [];
        await _gate.WaitAsync();
        try
        {
            for (var number = 0; number < _asked.Length && _left > 0; number++)
                if (!_asked[number] && !(_silentSince[number] is { } since && time.GetElapsedTime(since) < SilentFor))
                    await Ask(number);
            // A copy: others ask those that did not answer yet meanwhile.
            return [.. _byHolder.GetValueOrDefault(holder) ?? []];
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Those gave what they had.</summary>
    public async ValueTask Forget(string holder, IReadOnlyList<int> places)
    {
        await _gate.WaitAsync();
        if (_byHolder.TryGetValue(holder, out var left) && left.RemoveAll(places.Contains) > 0 && left.Count == 0)
            _byHolder.Remove(holder);
        _gate.Release();
    }

    private async ValueTask Ask(int number)
    {
        try
        {
            foreach (var holder in await (await open(number)).RequestHolders(group))
            {
                if (!_byHolder.TryGetValue(holder, out var places))
                    _byHolder[holder] = places = [];
                places.Add(number);
            }

            _asked[number] = true;
            Volatile.Write(ref _left, _left - 1);
        }
        catch (MqException away) when (away.Code is ErrorCodes.PartitionUnavailable or ErrorCodes.PartitionDamaged)
        {
            // Its messages are not to be had now either; it is asked again with the next request.
        }
        catch (MqException silent) when (silent.Code == ErrorCodes.OutcomeUnknown)
        {
            _silentSince[number] = time.GetTimestamp();
        }
    }
}
