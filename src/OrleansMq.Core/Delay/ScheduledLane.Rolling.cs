namespace OrleansMq.Core.Delay;

/// <summary>Writing far messages again, so that they neither hold the log back nor cost a line of memory each.</summary>
public sealed partial class ScheduledLane
{
    /// <summary>A frame that was rolled forward holds at most so many messages.</summary>
    public const int RolledMessages = 2_000;

    /// <summary>And so many bytes, unless one message alone has more.</summary>
    public const int RolledBytes = 1 << 20;

    /// <summary>With more frames than this, small ones are joined.</summary>
    public const int ManyFrames = 20_000;

    /// <summary>Whether these are all the frames with pending messages from the first of them to the last.</summary>
    internal bool Holds(IReadOnlyList<ScheduledFrame> frames) =>
        _frames.Where(frame => frame.Pending > 0 && frame.Last >= frames[0].First && frame.First <= frames[^1].Last).SequenceEqual(frames.Where(frame => frame.Pending > 0));

    /// <summary>
    /// Neighbouring frames to be written again as one: those in front of <paramref name="keepPosition"/>, else where there are many small ones.
    /// Empty when nothing is to be done.
    /// </summary>
    public List<ScheduledFrame> SelectToRoll(long keepPosition)
    {
        var run = new List<ScheduledFrame>();
        var old = _frames.Any(frame => frame.Pending > 0 && frame.Position < keepPosition);
        if (!old && Frames <= ManyFrames)
            return run;
        var (messages, bytes) = (0, 0L);
        foreach (var frame in _frames.Where(frame => frame.Pending > 0))
        {
            var wanted = old ? frame.Position < keepPosition : frame.Pending < RolledMessages / 2;
            if (wanted && (run.Count == 0 || (messages + frame.Pending <= RolledMessages && bytes + frame.PendingBytes <= RolledBytes && frame.Last - run[0].First < int.MaxValue)))
            {
                run.Add(frame);
                (messages, bytes) = (messages + frame.Pending, bytes + frame.PendingBytes);
                continue;
            }

            // One alone is only worth it where the log is to be let go.
            if (run.Count > (old ? 0 : 1))
                return run;
            run.Clear();
            (messages, bytes) = (0, 0);
            if (!wanted)
                continue;
            run.Add(frame);
            (messages, bytes) = (frame.Pending, frame.PendingBytes);
        }

        return run.Count > (old ? 0 : 1) ? run : [];
    }
}
