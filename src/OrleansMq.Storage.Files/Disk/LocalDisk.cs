namespace OrleansMq.Storage.Files.Disk;

/// <summary>Picks the disk of the machine we run on.</summary>
public static class LocalDisk
{
    public static IDisk ForThisMachine() => OperatingSystem.IsLinux() ? new PosixDisk() : new PortableDisk();
}
