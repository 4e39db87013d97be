using System.Buffers;
using OrleansMq.Core.Cursors;
using OrleansMq.Core.Snapshots;

namespace OrleansMq.Core.Delay;

/// <summary>
/// <code>
/// version u8 = 1 | end i64 | frames, by first offset: list of
///   (first i64 | last i64 | position i64 | first due i64 | count i32 | bytes i32 | pending i32 | tokens: list of u32)
/// | pending: offset set
/// </code>
/// </summary>
public sealed partial class ScheduledLane
{
    private const byte FormatVersion = 1;

    public bool IsUnused => End == 0;

    public void Save(IBufferWriter<byte> output)
    {
        var writer = new StateWriter(output);
        writer.Byte(FormatVersion);
        writer.Int64(End);
        writer.Count(Frames);
        foreach (var frame in _frames)
        {
            if (frame.Pending == 0)
                continue;
            writer.Int64(frame.First);
            writer.Int64(frame.Last);
            writer.Int64(frame.Position);
            writer.Int64(frame.FirstDueMs);
            writer.Int32(frame.Count);
            writer.Int32(frame.Bytes);
            writer.Int32(frame.Pending);
            writer.UInt32s(frame.Tokens);
        }

        _pending.Save(writer);
    }

    /// <exception cref="StateFormatException">The bytes are no such lane.</exception>
    public static ScheduledLane Load(ref StateReader reader)
    {
        reader.Version(FormatVersion, "lane of delayed messages");
        var lane = new ScheduledLane { End = reader.Natural() };
        var pending = 0L;
        for (var left = reader.Count(48); left > 0; left--)
        {
            var (first, last, position, due) = (reader.Natural(), reader.Natural(), reader.Natural(), reader.Natural());
            var (count, bytes, waiting) = (reader.Int32(), reader.Int32(), reader.Int32());
            var marks = reader.UInt32s();
            StateReader.Check(
                waiting > 0 && waiting <= count && bytes > 0 && first <= last && last < lane.End && last - first <= int.MaxValue && (lane._frames.Count == 0 || lane._frames[^1].Last < first),
                "A frame of delayed messages is out of range.");
            pending += waiting;
            lane._frames.Add(new ScheduledFrame
            {
                First = first, Last = last, Position = position, FirstDueMs = due, Count = count, Bytes = bytes, Pending = waiting, Tokens = marks.Length == 0 ? null : marks, FarDueMs = due,
            });
        }

        lane._pending = OffsetSet.Load(ref reader);
        StateReader.Check(lane._pending.Count == pending, "The delayed messages are not as many as their frames say.");
        lane.FindFar();
        return lane;
    }
}
