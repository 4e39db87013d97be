using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;

namespace OrleansMq.Engine.Partitions;

/// <summary>One batch on its way in. It may be parked while the topic is full or the cap's ledger is asked.</summary>
internal sealed class AppendCommand(PartitionEngine engine, AdmissibleBatch batch, ReleaseLevel level, string client, TimeSpan patience)
    : PartitionCommand<AppendResult>(engine)
{
    private bool _admitted;

    /// <summary>How many of the oldest messages make room for it.</summary>
    private long _drop;

    /// <summary>A refusal that is told only when it is certain for ever: what it goes by is durable then.</summary>
    private MqException? _refusal;

    /// <summary>It waits with its partition and is decided again later.</summary>
    public bool IsParked { get; private set; }

    /// <summary>It waits for its topic's answer, however long its patience is.</summary>
    public bool AwaitsAnswer { get; private set; }

    /// <summary>Until when it waits for room; set when it is first parked.</summary>
    public long PatientUntilMs { get; private set; }

    public override void Decide(Partition state, FrameBuffer frames, long nowMs)
    {
        IsParked = AwaitsAnswer = false;
        Level = level;
        if (state.IsChosenByFewer(batch))
        {
            // Whoever is told so sends its messages elsewhere: were the growth forgotten in a crash, a late copy of this batch could still come in here.
            (_refusal, Level) = (Engine.Outgrown(batch.Partitions!.Value, state.Growths[^1].Partitions), ReleaseLevel.Durable);
            return;
        }

        Engine.RefuseWhileFull(nowMs);
        if (Engine.MustQueue(this))
        {
            Park(nowMs);
            return;
        }

        var fresh = state.CountNew(batch, nowMs);
        if (fresh > 0 && !_admitted)
        {
            var verdict = Engine.AskTopic(new AdmissionQuestion(fresh, batch.Batch.Length, client, nowMs));
            switch (verdict.Answer)
            {
                case AdmissionAnswer.Refuse:
                    throw new MqException(verdict.Error!);
                case AdmissionAnswer.Wait when PatientUntilMs == 0 || nowMs < PatientUntilMs:
                    Park(nowMs);
                    return;
                case AdmissionAnswer.Wait:
                    throw new MqException(verdict.Error!);
                case AdmissionAnswer.Pending:
                    Park(nowMs);
                    AwaitsAnswer = true;
                    return;
                case AdmissionAnswer.Drop:
                    _drop = verdict.Drop;
                    break;
            }

            _admitted = true;
        }

        long? left = null;
        if (fresh > 0)
        {
            left = Engine.AdmissionsLeft(state.Admitted, fresh, out var asked);
            if (asked)
            {
                Park(nowMs);
                AwaitsAnswer = true;
                return;
            }
        }

        var end = state.End;
        var decision = state.Append(batch, left, nowMs, frames);
        if (decision.Error is { } error)
            throw new MqException(error);
        // Not before: for a batch that is refused nothing is dropped.
        if (fresh > 0 && _drop > 0)
            state.MoveStart(Math.Min(end, state.Start + _drop), nowMs, frames);
        Result = decision.Result;
    }

    public override void Release()
    {
        if (_refusal is { } refusal)
            Fail(refusal);
        else
            base.Release();
    }

    private void Park(long nowMs)
    {
        IsParked = true;
        if (PatientUntilMs == 0)
            PatientUntilMs = nowMs + (long)patience.TotalMilliseconds;
        Engine.Park(this);
    }
}
