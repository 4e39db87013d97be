#:property PublishAot=false
// Tally.cs RESULTS PROJECT...: adds up the TRX file that each test project left in RESULTS, for test.sh.
// Exits 1 if a test failed, if none ran, or if a project gave no result; such a project counts as one failure.

using System.Xml.Linq;

var projects = args[1..].Select(name => Result.Of(name, Path.Combine(args[0], name + ".trx"))).ToList();

Console.WriteLine();
foreach (var project in projects)
{
    Console.WriteLine($"{project.Name,-40} {project.Passed,6} passed {project.Failed,4} failed {project.Skipped,4} skipped {project.Seconds,5:0} s   {project.Remark}");
}

foreach (var line in projects.SelectMany(project => project.Unpassed))
{
    Console.WriteLine(line);
}

var passed = projects.Sum(project => project.Passed);
var failed = projects.Sum(project => project.Failed);
Console.WriteLine($"{passed} passed, {failed} failed, {projects.Sum(project => project.Skipped)} skipped");
return failed == 0 && passed > 0 ? 0 : 1;

internal sealed record Result(string Name, int Passed, int Failed, int Skipped, double Seconds, string Remark, IReadOnlyList<string> Unpassed)
{
    public static Result Of(string name, string path)
    {
        try
        {
            return File.Exists(path) ? Read(name, XDocument.Load(path)) : new Result(name, 0, 1, 0, 0, "left no result", []);
        }
        catch (System.Xml.XmlException)
        {
            return new Result(name, 0, 1, 0, 0, "left half a result", []);
        }
    }

    private static Result Read(string name, XDocument trx)
    {
        var tests = Named(trx, "UnitTestResult").ToList();
        var passed = tests.Count(test => Outcome(test) == "Passed");
        var skipped = tests.Count(test => Outcome(test) == "NotExecuted");
        var failed = tests.Count - passed - skipped;

        // The run failed though no test did: the process crashed or hung, and tests are missing.
        var ended = Named(trx, "ResultSummary").Any(summary => Outcome(summary) == "Completed") || failed > 0;
        return new Result(
            name, passed, ended ? failed : 1, skipped, Took(trx),
            !ended ? "DID NOT FINISH" : tests.Count == 0 ? "has no tests" : "",
            [.. tests.Where(test => Outcome(test) != "Passed").Select(Line).Order(StringComparer.Ordinal)]);
    }

    private static double Took(XDocument trx) =>
        Named(trx, "Times").Select(times => ((DateTimeOffset)times.Attribute("finish")! - (DateTimeOffset)times.Attribute("start")!).TotalSeconds).FirstOrDefault();

    private static string Line(XElement test)
    {
        var reason = (Named(test, "Message").FirstOrDefault()?.Value ?? "").ReplaceLineEndings(" ").Trim();
        var kind = Outcome(test) == "NotExecuted" ? "skipped" : "FAILED ";
        return $"{kind} {test.Attribute("testName")?.Value}: {(reason.Length > 300 ? reason[..300] + "..." : reason)}";
    }

    private static IEnumerable<XElement> Named(XContainer parent, string name) =>
        parent.Descendants().Where(element => element.Name.LocalName == name);

    private static string? Outcome(XElement element) => element.Attribute("outcome")?.Value;
}
