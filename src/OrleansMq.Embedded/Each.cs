using System.Runtime.ExceptionServices;

namespace OrleansMq.Embedded;

internal static class Each
{
    /// <summary>Does it with all of them, one after the other, also behind one with which it fails; then throws what came first.</summary>
    /// <param name="report">Told of what came after the first.</param>
    public static async Task Of<T>(IEnumerable<T> all, Func<T, Task> act, Action<string> report)
    {
        ExceptionDispatchInfo? first = null;
        foreach (var one in all)
        {
            try
            {
                await act(one);
            }
            catch (Exception failure)
            {
                if (first is null)
                    first = ExceptionDispatchInfo.Capture(failure);
                else
                    report(failure.Message);
            }
        }

        first?.Throw();
    }
}
