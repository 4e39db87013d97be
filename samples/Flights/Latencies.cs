namespace OrleansMq.Samples.Flights;

/// <summary>Times of one stage, kept whole: a million of them are 8 MB, and a percentile is then exact.</summary>
internal sealed class Latencies
{
    private readonly Lock _one = new();
    private readonly List<TimeSpan> _all = [];

    public void Add(TimeSpan time)
    {
        lock (_one)
            _all.Add(time);
    }

    public TimeSpan? Percentile(double share)
    {
        lock (_one)
        {
            if (_all.Count == 0)
                return null;
            _all.Sort();
            return _all[Math.Min(_all.Count - 1, (int)(share * _all.Count))];
        }
    }
}
