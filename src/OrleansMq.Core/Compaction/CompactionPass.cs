namespace OrleansMq.Core.Compaction;

/// <summary>Everything below an offset was compacted at a time.</summary>
public readonly record struct CompactionPass(long Offset, long AtMs);
