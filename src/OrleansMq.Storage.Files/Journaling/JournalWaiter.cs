namespace OrleansMq.Storage.Files.Journaling;

/// <summary>A thread that waits for a record.</summary>
internal sealed class JournalWaiter(long number)
{
    private bool _woken;

    public long Number => number;

    public void Wait()
    {
        lock (this)
        {
            while (!_woken)
                Monitor.Wait(this);
        }
    }

    public void Wake()
    {
        lock (this)
        {
            _woken = true;
            Monitor.Pulse(this);
        }
    }
}
