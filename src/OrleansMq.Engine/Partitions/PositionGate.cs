using OrleansMq.Engine.Turns;

namespace OrleansMq.Engine.Partitions;

/// <summary>
/// Positions of frames hold still while somebody reads by them: a compaction puts rewritten segments in their place between reads. Who reads for long does not hold, but
/// looks at <see cref="Moves"/> before and after.
/// </summary>
internal sealed class PositionGate
{
    private readonly SharedOrAlone _positions = new();
    private long _moves;

    /// <summary>Another number after each move, and while one goes on.</summary>
    public long Moves => Interlocked.Read(ref _moves);

    /// <summary>Holds are short and never taken by somebody who has one.</summary>
    public ValueTask<SharedOrAlone.Share> Hold() => _positions.Shared();

    /// <summary>Lets positions move once nobody reads by them; one at a time.</summary>
    public Task Move(Func<Task> move) => _positions.Alone(async () =>
    {
        Interlocked.Increment(ref _moves);
        try
        {
            await move();
        }
        finally
        {
            Interlocked.Increment(ref _moves);
        }
    });
}
