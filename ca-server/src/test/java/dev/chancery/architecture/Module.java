package dev.chancery.architecture;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The table of modules: folder, package, and the modules that each may use. */
enum Module {
  CORE("core", "core"),
  STORE("store", "store"),
  HSM("hsm", "hsm"),
  ACME_SERVER("acme-server", "acme"),
  OCSP_RESPONDER("ocsp-responder", "ocsp"),
  CRL_PUBLISHER("crl-publisher", "crl"),
  KUBERNETES("kubernetes", "kubernetes"),
  CA_SERVER("ca-server", "server");

  /** The source tree; a module's tests run in the module's folder. */
  static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  /** Every product class of every module. */
  static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.chancery");

  final String folder;
  final String packageName;

  Module(String folder, String packageName) {
    this.folder = folder;
    this.packageName = "dev.chancery." + packageName;
  }

  /** The modules that this one may use, without itself. */
  List<Module> mayUse() {
    return switch (this) {
      case CORE -> List.of();
      case STORE, HSM -> List.of(CORE);
      case ACME_SERVER, KUBERNETES -> List.of(CORE, STORE);
      case OCSP_RESPONDER, CRL_PUBLISHER -> List.of(CORE, STORE, HSM);
      case CA_SERVER ->
          List.of(CORE, STORE, HSM, ACME_SERVER, OCSP_RESPONDER, CRL_PUBLISHER, KUBERNETES);
    };
  }

  Path directory() {
    return ROOT.resolve(folder);
  }

  /** The product's own Java sources. */
  List<Path> sources() throws IOException {
    Path sources = directory().resolve("src/main/java");
    try (Stream<Path> files = Files.walk(sources)) {
      return files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
    }
  }

  @Override
  public String toString() {
    return folder;
  }
}
