namespace OrleansMq.Engine.Groups;

/// <summary>Which partitions may have something, and who is woken for it. All under the lock.</summary>
public sealed partial class QueueDispatcher
{
    /// <summary>Where keys belong to consumers and all leases are out, somebody who waits looks again after so long.</summary>
    private const long FullRetryMs = 100;

    private void Flag(int partition)
    {
        _mayHave[partition] = true;
        _raised[partition]++;
    }

    private void FlagAll()
    {
        for (var partition = 0; partition < _mayHave.Length; partition++)
            Flag(partition);
    }

    /// <param name="known">Null: a flag is for whoever comes first.</param>
    private int? NextFlagged(Raised? known)
    {
        lock (_gate)
        {
            for (var i = 0; i < _mayHave.Length; i++)
            {
                var at = (_next + i) % _mayHave.Length;
                if (!IsFlagged(at, known))
                    continue;
                _mayHave[at] = false;
                known?.Take(at, _raised[at]);
                _next = at + 1;
                return at;
            }

            return null;
        }
    }

    private bool AnyFlagged(Raised? known)
    {
        for (var at = 0; at < _mayHave.Length; at++)
            if (IsFlagged(at, known))
                return true;
        return false;
    }

    private bool IsFlagged(int partition, Raised? known) => known is null ? _mayHave[partition] : known.Of(partition) < _raised[partition];

    private void WakeOne()
    {
        while (_waiting.First is { } first)
        {
            _waiting.RemoveFirst();
            if (first.Value.Give())
                return;
        }
    }

    /// <summary>Where keys belong to consumers nobody knows whose it is.</summary>
    private void WakeWhoMayTake()
    {
        if (_settings.SessionIdle is null)
            WakeOne();
        else
            WakeAll();
    }

    private void WakeAll()
    {
        lock (_gate)
        {
            while (_waiting.First is not null)
                WakeOne();
        }
    }

    /// <summary>What one receive knows of the flags: a partition is asked once, and again when its flag was raised since.</summary>
    private sealed class Raised
    {
        private readonly Dictionary<int, long> _known = [];

        public long Of(int partition) => _known.GetValueOrDefault(partition);

        public void Take(int partition, long raised) => _known[partition] = raised;
    }
}
