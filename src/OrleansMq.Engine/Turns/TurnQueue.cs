using System.Collections.Concurrent;

namespace OrleansMq.Engine.Turns;

/// <summary>One piece of work that has its owner's state for itself.</summary>
public interface ITurn
{
    void Take();
}

/// <summary>
/// Runs turns one after another, in the order posted, on a scheduler that the host chooses: the thread pool, an Orleans activation, the simulator.
/// </summary>
/// <param name="scheduler">Where turns run.</param>
/// <param name="inline">Whether a poster may run the turns itself when nobody else does; saves the way through the scheduler.</param>
/// <param name="afterTurns">Called, still in turn, when the queue has run empty for now.</param>
public sealed class TurnQueue(TaskScheduler scheduler, bool inline, Action afterTurns)
{
    /// <summary>So many turns in a row, then <c>afterTurns</c> gets its chance: bounds the size of a group commit.</summary>
    private const int MaxInRow = 1024;

    private readonly ConcurrentQueue<ITurn> _waiting = new();
    private int _taken;

    public void Post(ITurn turn)
    {
        _waiting.Enqueue(turn);
        if (Interlocked.CompareExchange(ref _taken, 1, 0) != 0)
            return;
        if (inline)
            Run();
        else
            Task.Factory.StartNew(static queue => ((TurnQueue)queue!).Run(), this, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler);
    }

    private void Run()
    {
        do
        {
            for (var i = 0; i < MaxInRow && _waiting.TryDequeue(out var turn); i++)
                turn.Take();
            afterTurns();
            Volatile.Write(ref _taken, 0);
        }
        while (!_waiting.IsEmpty && Interlocked.CompareExchange(ref _taken, 1, 0) == 0);
    }
}
