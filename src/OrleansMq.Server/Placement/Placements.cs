using Orleans.Placement;

namespace OrleansMq.Server.Placement;

/// <summary>Partitions of a topic go to the silos in turn.</summary>
[GenerateSerializer, Immutable, SuppressReferenceTracking, Alias("OrleansMq.PartitionPlacement")]
internal sealed class PartitionPlacement : PlacementStrategy;

/// <summary>A group's grain is where its topic's first partition is.</summary>
[GenerateSerializer, Immutable, SuppressReferenceTracking, Alias("OrleansMq.GroupPlacement")]
internal sealed class GroupPlacement : PlacementStrategy;

/// <summary>Topics are spread by their names.</summary>
[GenerateSerializer, Immutable, SuppressReferenceTracking, Alias("OrleansMq.TopicPlacement")]
internal sealed class TopicPlacement : PlacementStrategy;

/// <summary>On the silo that the key names, and nowhere else.</summary>
[GenerateSerializer, Immutable, SuppressReferenceTracking, Alias("OrleansMq.NodePlacement")]
internal sealed class NodePlacement : PlacementStrategy;

[AttributeUsage(AttributeTargets.Class)]
internal sealed class PartitionPlacementAttribute() : PlacementAttribute(new PartitionPlacement());

[AttributeUsage(AttributeTargets.Class)]
internal sealed class GroupPlacementAttribute() : PlacementAttribute(new GroupPlacement());

[AttributeUsage(AttributeTargets.Class)]
internal sealed class TopicPlacementAttribute() : PlacementAttribute(new TopicPlacement());

[AttributeUsage(AttributeTargets.Class)]
internal sealed class NodePlacementAttribute() : PlacementAttribute(new NodePlacement());
