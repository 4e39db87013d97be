using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Groups;

/// <summary>What its document says of its use: an undeclared group lapses when it was long ago, and who had an ephemeral one before sees that it was taken.</summary>
public sealed partial class GroupEngine
{
    /// <summary>A group made by first use lapses after so long unused.</summary>
    public static readonly TimeSpan UndeclaredLife = TimeSpan.FromDays(7);

    /// <summary>Its use is written at most so often.</summary>
    private static readonly TimeSpan UseInterval = TimeSpan.FromHours(1);

    /// <summary>After a note that failed the next is tried so much later: where documents can't be written, acknowledgements are not to wait for each failure.</summary>
    public static readonly TimeSpan NoteRetry = TimeSpan.FromMinutes(1);

    private long _noteAgainMs;

    /// <summary>Whether it was made by first use and nobody used it for its life.</summary>
    public bool HasLapsed => !Declared && NowMs - _document.LastUsedMs > (long)UndeclaredLife.TotalMilliseconds;

    private bool NoteIsDue => UseIsDue && NowMs >= Volatile.Read(ref _noteAgainMs);

    private bool UseIsDue => MustBeTaken || (!Declared && NowMs - _document.LastUsedMs >= (long)UseInterval.TotalMilliseconds);

    /// <summary>Keeps an undeclared group from lapsing, written at most once an hour; and an ephemeral one from being deleted by whoever had it before.</summary>
    /// <exception cref="DocumentConflictException">Another wrote or deleted it: this one is out of date.</exception>
    public async ValueTask Used()
    {
        if (!UseIsDue)
            return;
        await _gate.WaitAsync();
        try
        {
            if (UseIsDue)
                await Save(_document with { LastUsedMs = NowMs });
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Notes a use that is over and needed no more than <see cref="MustBeTaken"/> asks for: a note that fails takes nothing from it, and a later one makes it good.</summary>
    /// <param name="written">Runs what may write the document.</param>
    public Task NoteUse(Func<Func<Task>, Task> written, Action<string> report) => NoteIsDue ? Note(written, report) : Task.CompletedTask;

    private async Task Note(Func<Func<Task>, Task> written, Action<string> report)
    {
        try
        {
            await written(async () => await Used());
        }
        catch (Exception error) when (error is StorageException or MqException)
        {
            Volatile.Write(ref _noteAgainMs, NowMs + (long)NoteRetry.TotalMilliseconds);
            report($"Topic {_topic}: that group '{Name}' is used could not be noted, it is tried again with a later use: {error.Message}");
        }
    }
}
