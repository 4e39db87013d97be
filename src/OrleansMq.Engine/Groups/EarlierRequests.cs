namespace OrleansMq.Engine.Groups;

/// <summary>
/// Which requests for messages had leases when this process took the group up: the leases name them. Asked of each partition once, when the first request with
/// an id comes; what is granted afterwards is remembered by the dispatcher.
/// </summary>
internal sealed class EarlierRequests(GroupName group, int partitions, Func<int, ValueTask<IGroupPartition>> open)
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly bool[] _asked = new bool[partitions];
    private readonly Dictionary<string, List<int>> _byHolder = new(StringComparer.Ordinal);
    private int _left = partitions;

    /// <summary>The partitions in which the holder had leases; they are told once.</summary>
    public async ValueTask<IReadOnlyList<int>> Take(string holder)
    {
        if (Volatile.Read(ref _left) == 0 && _byHolder.Count == 0)
            return [];
        await _gate.WaitAsync();
        try
        {
            for (var number = 0; number < _asked.Length && _left > 0; number++)
                if (!_asked[number])
                    await Ask(number);
            return _byHolder.Remove(holder, out var found) ? found : [];
        }
        finally
        {
            _gate.Release();
        }
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
    }
}
