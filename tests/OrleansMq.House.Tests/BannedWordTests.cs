namespace OrleansMq.House.Tests;

public class BannedWordTests
{
    [Fact]
    public void CoreOnlyDecides() => Verdict.Clean(Found(BannedWords.Core, "src/OrleansMq.Core"));

    [Fact]
    public void TheEngineStaysOnItsSchedulerAndClock() => Verdict.Clean(Found(BannedWords.Engine, "src/OrleansMq.Engine"));

    [Theory]
    [InlineData("var now = DateTime.UtcNow;")]
    [InlineData("var now = DateTimeOffset.UtcNow;")]
    [InlineData("var watch = Stopwatch.StartNew();")]
    [InlineData("var ticks = Environment.TickCount64;")]
    [InlineData("Decide(TimeProvider time);")]
    [InlineData("Task Decide();")]
    [InlineData("ValueTask<int> Decide();")]
    [InlineData("var chance = Random.Shared.Next();")]
    [InlineData("var id = Guid.NewGuid();")]
    [InlineData("ILogger<Log> log;")]
    [InlineData("using System.IO;")]
    [InlineData("File.Delete(path);")]
    [InlineData("Thread.Yield();")]
    [InlineData("var url = \"http://x\"; File.Delete(url);")]
    public void CoreDoingIsFound(string code) => Assert.Single(BannedWords.Check(Planted(code), BannedWords.Core));

    [Theory]
    [InlineData("await Task.Run(Work);")]
    [InlineData("await work.ConfigureAwait(false);")]
    [InlineData("ThreadPool.QueueUserWorkItem(Work);")]
    [InlineData("Thread.Sleep(1);")]
    [InlineData("var timer = new Timer(Tick);")]
    [InlineData("var timer = new System.Threading.Timer(Tick);")]
    [InlineData("await Task.Delay(10, cancellation);")]
    [InlineData("await Task.Delay(waitTime);")]
    [InlineData("var now = DateTime.UtcNow;")]
    public void AnEngineThatLeavesItsSchedulerIsFound(string code) =>
        Assert.Single(BannedWords.Check(Planted(code), BannedWords.Engine));

    [Theory]
    [InlineData("await Task.Delay(wait, timeProvider, cancellation);")]
    [InlineData("await Task.Delay(wait,\n    _options.TimeProvider);")]
    [InlineData("await Task.Delay(Wait(a, b), _clock);")]
    [InlineData("using var timer = time.CreateTimer(Tick, null, wait, wait);")]
    public void AnEngineThatAsksItsTimeProviderPasses(string code) =>
        Assert.Empty(BannedWords.Check(Planted(code), BannedWords.Engine));

    [Theory]
    [InlineData("// a Task would wait")]
    [InlineData("/// <see cref=\"Task\"/>")]
    [InlineData("/* Random\n   Thread */ int x;")]
    [InlineData("TaskList tasks; RandomAccess access; ProfileFile file;")]
    public void CommentsAndLongerWordsAreNotMeant(string code) => Assert.Empty(BannedWords.Check(Planted(code), BannedWords.Core));

    [Fact]
    public void TheLineIsNamed() =>
        Assert.StartsWith("Planted.cs(3): Stopwatch ", BannedWords.Check(Planted("/* one\n*/\nStopwatch w;"), BannedWords.Core).Single(), StringComparison.Ordinal);

    private static IEnumerable<string> Found(BannedWord[] words, string folder) =>
        Repository.Sources(folder).SelectMany(file => BannedWords.Check(file, words));

    private static SourceFile Planted(string code) => new("Planted.cs", code);
}
