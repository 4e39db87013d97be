namespace OrleansMq.Core.Log;

/// <summary>
/// Numbers of lanes: 0 is the main one, 1 to 3 belong to the partition itself, and each group (numbered from 1) has one for its dead letters and one for
/// those redriven.
/// </summary>
public static class Lane
{
    public const int Main = 0;

    /// <summary>Messages that wait for their time.</summary>
    public const int Scheduled = 1;

    /// <summary>Half messages: stored, and delivered when they are committed.</summary>
    public const int Half = 2;

    public static int DeadLettersOf(int group) => group * 4 + 1;

    public static int RedrivenOf(int group) => group * 4 + 2;

    public static int GroupOf(int lane) => lane / 4;

    public static bool IsDeadLetters(int lane) => lane > 4 && lane % 4 == 1;

    public static bool IsRedriven(int lane) => lane > 4 && lane % 4 == 2;
}
