using OrleansMq.Client;
using OrleansMq.Client.Grains;
using OrleansMq.Core.Partitions;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Topics;

namespace OrleansMq.Server.Partitions;

/// <summary>How batches come in.</summary>
internal sealed partial class PartitionGrain
{
    /// <summary>
    /// An append of several that has no outcome yet by then ends with <see cref="ErrorCodes.OutcomeUnknown"/>, so that the others' outcomes are heard before the call's time is over.
    /// </summary>
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(4);

    public Task<AppendResult> Append(byte[] batch, AppendTerms terms) => On(async engine =>
    {
        var result = await Append(engine, await View(), batch, terms);
        _metrics.Appended(batch.Length);
        return result;
    });

    public Task<AppendOutcome[]> AppendAll(AppendPart[] parts)
    {
        // The partition's opening is in it: the caller's time runs.
        var until = _silo.Time.GetUtcNow() + AnswerWithin;
        return On(engine => AppendAll(engine, parts, until), parts.Length);
    }

    private async Task<AppendOutcome[]> AppendAll(PartitionEngine engine, AppendPart[] parts, DateTimeOffset until)
    {
        if (parts.Length > AppendQueue.MaxParts)
            throw new MqException(ErrorCodes.Malformed, $"{AppendQueue.MaxParts} batches go in one call; there are {parts.Length}.");
        var topic = await View();
        if (_silo.Time.GetUtcNow() >= until)
            throw new MqException(ErrorCodes.PartitionUnavailable, $"Partition {_number} of topic '{_topicName}' was being opened; nothing was stored.");
        var appends = new Task<AppendResult>[parts.Length];
        for (var i = 0; i < parts.Length; i++)
            appends[i] = Append(engine, topic, parts[i].Batch, parts[i].Terms);
        var outcomes = new AppendOutcome[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            outcomes[i] = await Outcome(appends[i], until);
            if (outcomes[i].Error is null)
                _metrics.Appended(parts[i].Batch.Length);
        }

        foreach (var append in appends)
            if (!append.IsCompleted)
                _ = CountUntilDone(append);
        GiveUpIfStopped();
        return outcomes;
    }

    /// <summary>The engine still has its bytes, though its outcome was given as unknown.</summary>
    private async Task CountUntilDone(Task<AppendResult> append)
    {
        _calls++;
        try
        {
            await append;
        }
        catch (Exception failure) when (failure is MqException || Failover.OfTheWay(failure) is not null)
        {
            // The caller was told that nobody knows.
        }
        finally
        {
            _calls--;
        }
    }

    /// <summary>Handed to the engine before it returns, so in the order of the calls; unless somebody must be asked first.</summary>
    private Task<AppendResult> Append(PartitionEngine engine, PartitionTopic topic, byte[] batch, AppendTerms terms)
    {
        var admission = Admit(topic, batch, terms);
        return admission.IsCompletedSuccessfully ? Append(admission.Result) : AppendThen();

        async Task<AppendResult> AppendThen() => await Append(await admission);

        Task<AppendResult> Append(AdmissibleBatch admitted) =>
            engine.Append(admitted, Levels.OfAppend(terms.Acks, topic.Settings, _silo.Options.DefaultAcks), terms.Client, terms.Wait);
    }

    private async ValueTask<AdmissibleBatch> Admit(PartitionTopic topic, byte[] batch, AppendTerms terms)
    {
        var request = new AppendRequest { Topic = _topicName, Partition = _number, Batch = batch, Rich = terms.Rich, Producer = terms.Producer, Partitions = terms.Partitions, TransactionalId = terms.TransactionalId };
        var admissible = BatchAdmission.Check(request, topic.Settings);
        await _silo.Producers.RefuseFenced(admissible.Producer);
        return await EarlierTokens.Look(admissible, topic.Lineage, _number, topic.Settings, _silo.NowMs, FindEarlierIn);
    }

    private async Task<AppendOutcome> Outcome(Task<AppendResult> append, DateTimeOffset until)
    {
        try
        {
            var left = until - _silo.Time.GetUtcNow();
            return new AppendOutcome(await (append.IsCompleted ? append : append.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, _silo.Time)), null);
        }
        catch (MqException refusal)
        {
            return new AppendOutcome(default, refusal.Error);
        }
        catch (Exception failure) when (Failover.OfTheWay(failure) is { } translated)
        {
            return new AppendOutcome(default, translated.Error);
        }
    }
}
