using System.Text;
using OrleansMq.Core.Limits;
using OrleansMq.Core.Snapshots;
using Xunit;

namespace OrleansMq.Core.Tests.Limits;

public sealed class AdmissionLedgerTests
{
    [Fact]
    public void AGrantTakesSomeInAdvanceWhileThereAreMany()
    {
        var ledger = AdmissionLedger.Empty(1_000_000).Grant(0, 10, 5, out var given);
        Assert.Equal(10_010, given);
        Assert.Equal((10_010, 989_990), (ledger.GrantedTo(0), ledger.Pool));
    }

    [Fact]
    public void TheLastOnesGoOutExactly()
    {
        var ledger = AdmissionLedger.Empty(5).Grant(0, 3, 4, out var first).Grant(1, 3, 4, out var second).Grant(2, 1, 4, out var third);
        Assert.Equal((3, 2, 0), (first, second, third));
        Assert.Equal(0, ledger.Pool);
    }

    [Fact]
    public void WhatIsReturnedCanBeGrantedToOthers()
    {
        var ledger = AdmissionLedger.Empty(5).Grant(0, 5, 1, out _).Return(0, 2).Grant(1, 5, 2, out var given);
        Assert.Equal(2, given);
        Assert.Throws<InvalidOperationException>(() => ledger.Return(1, 3));
    }

    [Fact]
    public void TheCapCannotFallBelowWhatIsGranted()
    {
        var ledger = AdmissionLedger.Empty(10).Grant(0, 6, 10, out _);
        var refusal = Assert.Throws<MqException>(() => ledger.WithCap(5));
        Assert.Equal(ErrorCodes.Conflict, refusal.Code);
        Assert.Contains("lowest possible is 6", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(0, ledger.WithCap(6).Pool);
        Assert.Equal(94, ledger.WithCap(100).Pool);
    }

    /// <summary>However grants, returns and lost answers fall, exactly the cap is admitted in the end.</summary>
    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 10_000)]
    [InlineData(3, 7)]
    public void ExactlyTheCapIsAdmitted(int seed, long cap)
    {
        const int partitions = 5;
        var random = new Random(seed);
        var ledger = AdmissionLedger.Empty(cap);
        var (granted, admitted) = (new long[partitions], new long[partitions]);
        while (true)
        {
            var (p, need) = (random.Next(partitions), random.Next(1, 9));
            if (granted[p] - admitted[p] < need)
            {
                ledger = ledger.Grant(p, need - (granted[p] - admitted[p]), partitions, out var given);
                if (random.Next(10) > 0)
                    granted[p] += given;
                else
                    granted[p] = ledger.GrantedTo(p);
            }
            admitted[p] += Math.Min(need, granted[p] - admitted[p]);
            if (ledger.Pool > 0)
                continue;
            for (var other = 0; other < partitions; other++)
            {
                ledger = ledger.Return(other, ledger.GrantedTo(other) - admitted[other]);
                granted[other] = admitted[other];
            }
            if (ledger.Pool == 0)
                break;
            ledger = AdmissionLedger.FromJson(ledger.ToJson());
        }
        Assert.Equal(cap, admitted.Sum());
    }

    [Fact]
    public void ALedgerIsStoredAsDrawn()
    {
        var ledger = AdmissionLedger.Empty(10).Grant(3, 6, 10, out _);
        Assert.Equal("""{"version":1,"cap":10,"granted":{"3":6}}""", Encoding.UTF8.GetString(ledger.ToJson()));
    }

    [Theory]
    [InlineData("""{"version":1,"cap":10,"granted":{"3":6,"4":5}}""")]
    [InlineData("""{"version":1,"cap":10,"granted":{"3":-1}}""")]
    [InlineData("""{"version":1,"cap":-1}""")]
    [InlineData("""{"version":2,"cap":10}""")]
    [InlineData("""{"cap":10}""")]
    [InlineData("""{"version":1""")]
    [InlineData("null")]
    public void ALedgerThatCannotBeIsRefused(string json) =>
        Assert.Throws<StateFormatException>(() => AdmissionLedger.FromJson(Encoding.UTF8.GetBytes(json)));
}
