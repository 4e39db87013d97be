using OrleansMq.Simulation.Histories;

namespace OrleansMq.Simulation.Worlds;

/// <summary>What a client learns of a call.</summary>
public sealed record Reply<T>(Outcome Outcome, T? Value, string? Code)
{
    public bool IsOk => Outcome == Outcome.Ok;
}

/// <summary>The way between clients and broker: takes time, loses replies, and breaks when the broker dies.</summary>
public sealed class Link(World world, IMachine machine, History history, double lost)
{
    /// <summary>A client without an answer for so long goes on without.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private int _calls;

    /// <summary>Probability that a reply does not arrive.</summary>
    public double Lost { get; set; } = lost;

    public int Calls => _calls;

    /// <param name="call">Is written down as it goes on.</param>
    /// <param name="ask">Runs in the broker's process; what it returns is owned by the caller.</param>
    /// <param name="answered">Told what the broker answered, whether or not the reply arrives.</param>
    public async Task<Reply<T>> Ask<T>(Call call, Func<IBroker, ValueTask<T>> ask, Action<T>? answered = null)
    {
        _calls++;
        history.Calls.Add(call);
        await world.Delay(world.About(TimeSpan.FromMilliseconds(2)));
        if (machine.Broker is not { } broker || machine.Process is not { } process)
        {
            (call.Outcome, call.Code, call.Answered) = (Outcome.Failed, "unreachable", history.Next());
            history.Note($"{world.Elapsed} {call.What}: unreachable");
            await world.Delay(world.About(TimeSpan.FromMilliseconds(300)));
            return new Reply<T>(Outcome.Failed, default, "unreachable");
        }

        call.Process = process;
        var reply = new Awaited<T>();
        var answer = reply.Answer;
        Action giveUp = reply.GiveUp;
        process.AtDeath(giveUp);
        var lost = world.Chance(Lost);
        process.Run(() => Serve(call, broker, ask, answered, message =>
        {
            process.NoLongerAtDeath(giveUp);
            if (!lost)
                World.After(world.Outside, world.About(TimeSpan.FromMilliseconds(2)), () => reply.Is(message));
        }));
        World.After(world.Outside, lost ? world.About(TimeSpan.FromSeconds(3)) : Patience, giveUp);
        return await answer;
    }

    private async void Serve<T>(Call call, IBroker broker, Func<IBroker, ValueTask<T>> ask, Action<T>? answered, Action<Reply<T>> send)
    {
        Reply<T> reply;
        try
        {
            reply = new Reply<T>(Outcome.Ok, await ask(broker), null);
        }
        catch (MqException refusal)
        {
            reply = new Reply<T>(refusal.Code == ErrorCodes.OutcomeUnknown ? Outcome.Unknown : Outcome.Failed, default, refusal.Code);
            history.Note($"{world.Elapsed} {call.What}: {refusal.Code} {refusal.Message}");
        }
        catch (Exception raw) when (raw is not Disk.SimPowerLossException)
        {
            reply = new Reply<T>(Outcome.Unknown, default, raw.GetType().Name);
            history.Violate("raw exception", $"{call.What} ended with {raw.GetType().Name}: {raw.Message}\n{raw.StackTrace}");
        }

        // What was answered in the moment in which the process dies is not answered.
        await Task.Yield();
        (call.Outcome, call.Code, call.Answered) = (reply.Outcome, reply.Code, history.Next());
        if (reply.IsOk)
        {
            history.Note($"{world.Elapsed} {call.What}: ok");
            answered?.Invoke(reply.Value!);
        }

        send(reply);
    }
    /// <summary>A reply that somebody waits for. The timer that ends the patience holds this for long, and no reply with it: else those of half a world stay in memory.</summary>
    private sealed class Awaited<T>
    {
        private TaskCompletionSource<Reply<T>>? _reply = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>To be asked for before anything comes.</summary>
        public Task<Reply<T>> Answer => _reply!.Task;

        /// <summary>The first one counts.</summary>
        public void Is(Reply<T> reply) => Interlocked.Exchange(ref _reply, null)?.TrySetResult(reply);

        public void GiveUp() => Is(new Reply<T>(Outcome.Unknown, default, "no answer"));
    }
}
