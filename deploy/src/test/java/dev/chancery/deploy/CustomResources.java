package dev.chancery.deploy;

import com.google.gson.Gson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * Checks manifests of custom resources by schemas that were made from the published definitions.
 * Those are npm packages: their types refuse fields that are not there, their validation what is
 * missing or has the wrong form.
 */
final class CustomResources {
  /** The API group and version, and the module with its kinds. */
  private static final Map<String, String> MODULES =
      Map.of(
          "cert-manager.io/v1", "@kubernetes-models/cert-manager/cert-manager.io/v1",
          "trust.cert-manager.io/v1alpha1",
              "@kubernetes-models/cert-manager/trust.cert-manager.io/v1alpha1",
          "monitoring.coreos.com/v1",
              "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1");

  private static final int MINUTES = 5;

  private final Path folder;

  private CustomResources(Path folder) {
    this.folder = folder;
  }

  /** Installs the packages in a folder, in the versions that the lock file names. */
  static CustomResources install(Path folder) throws IOException, InterruptedException {
    for (String file : List.of("package.json", "package-lock.json")) {
      Files.copy(Path.of("src/test/schemas", file), folder.resolve(file));
    }
    CustomResources schemas = new CustomResources(folder);
    Ended installed =
        schemas.run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline");
    if (installed.exitCode() != 0) {
      throw new IOException("the schemas cannot be installed: " + installed.output());
    }
    return schemas;
  }

  /** What is wrong with manifests; empty when nothing is. */
  String faults(List<Map<String, Object>> manifests) throws IOException, InterruptedException {
    StringBuilder program = new StringBuilder();
    int number = 0;
    for (Map<String, Object> manifest : manifests) {
      String module = MODULES.get(String.valueOf(manifest.get("apiVersion")));
      String kind = String.valueOf(manifest.get("kind"));
      if (module == null || !kind.matches("[A-Za-z]+")) {
        return "there is no schema of " + manifest.get("apiVersion") + " " + kind;
      }
      program.append(
          """
          import {type I%1$s as Type%2$d, %1$s as Kind%2$d} from "%3$s";
          const manifest%2$d: Type%2$d = %4$s;
          new Kind%2$d(manifest%2$d).validate();
          """
              .formatted(kind, number++, module, new Gson().toJson(manifest)));
    }
    Files.writeString(folder.resolve("manifests.ts"), program);
    Ended compiled =
        run(
            "node_modules/.bin/tsc",
            "--noEmitOnError",
            "--strict",
            "--skipLibCheck",
            "--target",
            "es2022",
            "--module",
            "nodenext",
            "manifests.ts");
    return compiled.exitCode() == 0 ? run("node", "manifests.js").faults() : compiled.faults();
  }

  private record Ended(int exitCode, String output) {
    String faults() {
      return exitCode == 0 ? "" : "%d: %s".formatted(exitCode, output);
    }
  }

  private Ended run(String... command) throws IOException, InterruptedException {
    Path output = folder.resolve("output.txt");
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
        throw new IOException(command[0] + " has not ended: " + Files.readString(output));
      }
      return new Ended(process.exitValue(), Files.readString(output));
    } finally {
      process.destroyForcibly();
    }
  }
}
