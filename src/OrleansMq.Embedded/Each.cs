using System.Runtime.ExceptionServices;

namespace OrleansMq.Embedded;

internal static class Each
{
    /// <summary>Does it with all of them, one after the other, also behind one with which it fails; then throws what came first.</summary>
    public static async Task Of<T>(IEnumerable<T> all, Func<T, Task> act)
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
                first ??= ExceptionDispatchInfo.Capture(failure);
            }
        }

        first?.Throw();
    }
}
