using System.Globalization;

namespace OrleansMq.Embedded.Tests;

/// <summary>At which of the disk's calls the longest of these stories let something happen.</summary>
internal static class CrashCalls
{
    /// <summary>Every second one; <c>ORLEANSMQ_CRASH_STEP=1</c>: every one.</summary>
    public static int Step { get; } = int.Parse(Environment.GetEnvironmentVariable("ORLEANSMQ_CRASH_STEP") ?? "2", CultureInfo.InvariantCulture);
}
