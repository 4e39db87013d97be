namespace OrleansMq.Trials.Machines;

/// <summary>Where a broker's data lies.</summary>
internal abstract class Volume : IDisposable
{
    /// <summary>The broker's data folder. Another one after the power went.</summary>
    public abstract string Folder { get; }

    /// <summary>The broker is dead already: what was not flushed is gone, as far as this volume can do that.</summary>
    public virtual void LosePower() { }

    public abstract void Dispose();
}

/// <summary>A folder: the page cache survives whoever wrote to it.</summary>
internal sealed class PlainFolder : Volume
{
    private readonly string _root = Directory.CreateTempSubdirectory("orleansmq-trial-").FullName;

    public override string Folder => Path.Combine(_root, "data");

    public override void Dispose() => Directory.Delete(_root, recursive: true);
}

/// <summary>
/// An ext4 file system in an image. When the power goes the image is copied while it is mounted: the copy has what went to the device, and nothing that
/// stood in the page cache alone. The copy is mounted, its journal is played back as after a real loss, and the broker goes on there.
/// </summary>
internal sealed class LoopImage : Volume
{
    private static readonly Lazy<string?> Tried = new(Try);

    private readonly string _root = Directory.CreateTempSubdirectory("orleansmq-trial-").FullName;
    private int _life;

    public LoopImage(int megabytes)
    {
        Tool.Run("truncate", "-s", $"{megabytes}M", Image);
        Tool.Run("mkfs.ext4", "-q", "-F", Image);
        Mount();
    }

    /// <summary>Why no image can be mounted here; null if one can.</summary>
    public static string? WhyNot => Tried.Value;

    public override string Folder => Path.Combine(MountPoint, "data");

    public string MountPoint => Path.Combine(_root, $"mount-{_life}");

    private string Image => Path.Combine(_root, $"image-{_life}");

    public override void LosePower()
    {
        var (image, mounted) = (Image, MountPoint);
        _life++;
        Tool.Run("cp", "--sparse=always", image, Image);
        Tool.Run("umount", mounted);
        File.Delete(image);
        Mount();
    }

    public override void Dispose()
    {
        Tool.Try("umount", MountPoint);
        Directory.Delete(_root, recursive: true);
    }

    private void Mount()
    {
        Directory.CreateDirectory(MountPoint);
        Tool.Run("mount", "-o", "loop", Image, MountPoint);
    }

    private static string? Try()
    {
        if (!OperatingSystem.IsLinux())
            return "Loop mounts are Linux' own.";
        try
        {
            using var image = new LoopImage(8);
            return null;
        }
        catch (InvalidOperationException refused)
        {
            return $"No image can be mounted here: {refused.Message}";
        }
    }
}

/// <summary>A small ext4 file system with a ballast that takes whatever space is left.</summary>
internal sealed class SmallVolume : Volume
{
    private readonly LoopImage _image = new(24);

    public override string Folder => _image.Folder;

    private string Ballast => Path.Combine(_image.MountPoint, "ballast");

    /// <summary>Leaves so much, or as near to it as blocks allow.</summary>
    public void Fill(int leftBytes)
    {
        var free = new DriveInfo(_image.MountPoint).AvailableFreeSpace;
        if (free > leftBytes)
            Tool.Try("fallocate", "-l", $"{free - leftBytes}", Ballast);
    }

    public void Empty() => File.Delete(Ballast);

    public override void Dispose() => _image.Dispose();
}
