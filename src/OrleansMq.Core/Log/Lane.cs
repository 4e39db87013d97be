namespace OrleansMq.Core.Log;

/// <summary>Numbers of lanes: 0 is the main one; each group has one for its dead letters and one for those redriven.</summary>
public static class Lane
{
    public const int Main = 0;

    public static int DeadLettersOf(int group) => group * 4 + 1;

    public static int RedrivenOf(int group) => group * 4 + 2;

    public static int GroupOf(int lane) => lane / 4;

    public static bool IsDeadLetters(int lane) => lane % 4 == 1;

    public static bool IsRedriven(int lane) => lane % 4 == 2;
}
