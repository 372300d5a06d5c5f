package dev.chancery.server.ceremony;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** A ceremony in a process of its own, which is killed at one line of the transcript. */
final class KilledCeremony {
  private KilledCeremony() {}

  /** What the program is given, in this order. */
  record Arguments(Path scene, Path out, String token, String line, boolean written) {
    List<String> words() {
      return List.of(scene.toString(), out.toString(), token, line, Boolean.toString(written));
    }

    private static Arguments of(String[] words) {
      return new Arguments(
          Path.of(words[0]), Path.of(words[1]), words[2], words[3], Boolean.parseBoolean(words[4]));
    }
  }

  public static void main(String[] words) throws Exception {
    Arguments arguments = Arguments.of(words);
    CeremonyScene scene = CeremonyScene.of(arguments.scene());
    Transcript.Disk killing =
        (file, octets) -> {
          boolean here = new String(octets, StandardCharsets.UTF_8).contains(arguments.line());
          if (here && !arguments.written()) {
            kill();
          }
          Folder.append(file, octets);
          if (here) {
            kill();
          }
        };
    scene
        .ceremony(
            arguments.out(), arguments.token(), true, scene.typing(CeremonyScene.ITEMS), killing)
        .run();
  }

  /** Nothing of this process runs after that: no handler, no finally, no write-back. */
  private static void kill() {
    try {
      new ProcessBuilder("kill", "-9", Long.toString(ProcessHandle.current().pid()))
          .start()
          .waitFor();
      Thread.sleep(60_000);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
