using OrleansMq.Core.Catalog;

namespace OrleansMq.Engine.Groups;

/// <summary>What is committed.</summary>
public sealed partial class GroupCoordination
{
    /// <summary>Commits allowed in the present generation and not done.</summary>
    private readonly HashSet<Task> _commits = [];
    private readonly CommitsInOrder _inOrder;
    private readonly DecidedTerms _decided = new();

    public async Task<IReadOnlyList<MqError?>> Commit(MemberRef? member, IReadOnlyList<GroupOffset> offsets)
    {
        if (offsets.Any(offset => offset.Note.Length > CoordinationDocument.MaxNoteLength))
            throw new MqException(ErrorCodes.Malformed, $"What is written beside an offset has at most {CoordinationDocument.MaxNoteLength} characters.");
        return await Commit(offsets, now => CheckCommit(member, now) is { } code ? throw Refused(code) : true);
    }

    /// <summary>Whether the member could commit now in a transaction.</summary>
    public Task Check(MemberRef member) => Turn(now => CheckCommit(member, now, inTransaction: true) is { } code ? throw Refused(code) : true);

    /// <summary>
    /// Moves cursors by a transaction that is committed: its member was asked when it brought them. Where it was carried out, or a later decision of its id was heard, these
    /// were moved before, and are not moved back.
    /// </summary>
    /// <param name="term">Null: who sends it does not say.</param>
    public Task<IReadOnlyList<MqError?>> CommitDecided(IReadOnlyList<GroupOffset> offsets, DecidedTerm? term) =>
        term is not { } decided ? Commit(offsets, _ => true) : Commit(offsets, _ => _decided.Take(decided), errors =>
        {
            // What is refused for good is not sent again either.
            if (Array.TrueForAll(errors, error => error is null || !ErrorCodes.IsRetriable(error.Code)))
                _decided.Done(decided);
        });

    /// <param name="mayMove">In the group's turn; false: nothing is to be done.</param>
    /// <param name="moved">In the group's turn, when it is recorded.</param>
    private async Task<IReadOnlyList<MqError?>> Commit(IReadOnlyList<GroupOffset> offsets, Func<long, bool> mayMove, Action<MqError?[]>? moved = null)
    {
        var committing = await Turn<Task<MqError?[]>?>(now =>
        {
            if (!mayMove(now))
                return null;
            var commits = Task.WhenAll(offsets.Select(_inOrder.Add));
            _commits.Add(commits);
            return commits;
        });
        if (committing is null)
            return new MqError?[offsets.Count];
        MqError?[] errors;
        try
        {
            errors = await committing;
        }
        catch
        {
            await Turn(_ => _commits.Remove(committing));
            throw;
        }

        // Recorded behind the commit, so that no name of a topic that is none is kept.
        var done = offsets.Where((_, i) => errors[i] is null).ToList();
        await Hold(async () =>
        {
            _commits.Remove(committing);
            var next = _document.WithCommitted(done);
            if (next != _document)
            {
                _document = next;
                await Save();
            }

            moved?.Invoke(errors);
        });
        return errors;
    }

    private async Task<MqError?> CommitOne(GroupOffset offset)
    {
        try
        {
            await _broker.Commit(offset.Topic, Name, new CommitRequest([new Position(offset.Partition, offset.Offset)]));
            return null;
        }
        catch (MqException e)
        {
            return e.Error;
        }
    }

    /// <summary>Who reads on from a cursor must see what was allowed to be committed before. One that failed is over too; its caller is told.</summary>
    private async Task FinishCommits()
    {
        if (_commits.Count == 0)
            return;
        await Task.WhenAny(Task.WhenAll(_commits));
        _commits.Clear();
    }
}
