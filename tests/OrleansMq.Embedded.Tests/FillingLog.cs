using OrleansMq.Conformance.Storage;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Embedded.Tests;

/// <summary>Has no room, and says so when the test lets it.</summary>
/// <param name="full">Null: there is room.</param>
internal sealed class FillingLog(IPartitionLog log, Func<Task?> full) : HandedOnLog(log)
{
    public override async ValueTask Append(ReadOnlyMemory<byte> frames, bool flush)
    {
        if (full() is { } refusing)
        {
            await refusing;
            throw new LogFullException("The disk is full.");
        }

        await base.Append(frames, flush);
    }
}
