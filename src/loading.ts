// As a whole: an older Node, which is told so, would not get as far with names that it does not have.
import module from 'node:module'

// Compiled code, and TypeScript with its types stripped, are kept in the temporary directory: most of a start is loading.
module.enableCompileCache()

// For each .js file of a package, Node 24 parses the package's whole map of exports to learn that it is a module. Drizzle has a
// hundred files and a map of 150 kB, which took half a second. Its files name each other with their endings, so nothing is to be
// looked up.
module.registerHooks({
  resolve(specifier, context, resolveNext) {
    const { parentURL } = context
    const isOwn =
      specifier.startsWith('.') && specifier.endsWith('.js') && parentURL?.includes('/node_modules/drizzle-orm/') === true
    if (!isOwn || !parentURL.endsWith('.js')) return resolveNext(specifier, context)
    return { url: new URL(specifier, parentURL).href, format: 'module', shortCircuit: true }
  }
})
